# docs/reference comes from the tables in src: `docs` writes the pages, lint.docs fails when they differ.
add_executable(docs_reference EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tools/docs/reference.c)
target_include_directories(docs_reference PRIVATE ${CMAKE_SOURCE_DIR}/src)
add_dependencies(check_build docs_reference)
set(docs_check ${CMAKE_SOURCE_DIR}/tools/docs/check.sh $<TARGET_FILE:docs_reference> ${CMAKE_SOURCE_DIR}/docs/reference)
lint_test(docs ${docs_check})
add_custom_target(docs COMMAND ${docs_check} --write VERBATIM)
