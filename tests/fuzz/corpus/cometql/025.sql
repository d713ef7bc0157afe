# hello
;