show databases ; -- c
 ; # d