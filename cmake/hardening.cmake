# What a release build is made with, so that a mistake in it is a crash and no break-in. tests/lint/hardening.py reads it off the
# built program; docs/decisions says what is left out and why.
#
#   a canary behind arrays        -fstack-protector-strong        the C library checks lengths     _FORTIFY_SOURCE=3
#   random addresses              -fPIE -pie                      no writable jump tables          -z relro -z now
#   jumps land where they may     -fcf-protection=full (x86)      no stack that leaps its guard    -fstack-clash-protection
#   no code on the stack          -z noexecstack
#
# A compiler that does not know one of them goes without it.
include(CheckCCompilerFlag)

set(ENCKE_HARDENING -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fPIE)
foreach(flag fcf-protection=full fstack-clash-protection)
  string(MAKE_C_IDENTIFIER "HAS_${flag}" known)
  check_c_compiler_flag("-Werror -${flag}" ${known})
  if(${known})
    list(APPEND ENCKE_HARDENING -${flag})
  endif()
endforeach()
add_compile_options(${ENCKE_HARDENING})
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
