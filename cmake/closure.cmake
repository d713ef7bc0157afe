# closure_check(room): the program closure_<room>, not built by default: the whole of the room's library, the rooms it uses,
# and an empty main. A function that is called upwards without an include (a bare extern) is an undefined reference here.
function(closure_check room)
  set(main ${CMAKE_BINARY_DIR}/lint/closure_main.c)
  file(CONFIGURE OUTPUT ${main} CONTENT "int main(void)\n{\n    return 0;\n}\n")
  add_executable(closure_${room} EXCLUDE_FROM_ALL ${main})
  set_target_properties(closure_${room} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lint)
  target_link_libraries(closure_${room} PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,room_${room}>)
  set_property(GLOBAL APPEND PROPERTY ENCKE_CLOSURE_TARGETS closure_${room})
endfunction()
