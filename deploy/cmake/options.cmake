# Build options, and the one INTERFACE target that carries every compiler flag.

option(TARN_WERROR "treat warnings as errors" OFF)
option(TARN_TESTS "build the tests" OFF)
option(TARN_FUZZ "build libFuzzer targets (clang)" OFF)
set(TARN_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize=")

if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")

# hv_flags_plain: for what is loaded into programs of others.
add_library(hv_flags_plain INTERFACE)
target_include_directories(hv_flags_plain INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(hv_flags_plain INTERFACE _GNU_SOURCE
	$<$<CONFIG:Debug>:HV_AUDITS=1>)
target_compile_options(hv_flags_plain INTERFACE
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wvla
	-Wformat=2 -Wimplicit-fallthrough -Wundef -fno-common
	-fno-strict-aliasing
	$<$<BOOL:${TARN_WERROR}>:-Werror>)
add_library(hv_flags INTERFACE)
target_link_libraries(hv_flags INTERFACE hv_flags_plain)
if(TARN_SANITIZE)
	target_compile_options(hv_flags INTERFACE -fsanitize=${TARN_SANITIZE}
		-fno-sanitize-recover=all)
	target_link_options(hv_flags INTERFACE -fsanitize=${TARN_SANITIZE})
endif()
if(TARN_FUZZ)
	target_compile_options(hv_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
