# hv_module(NAME SOURCES ... DEPS ... [FOREIGN ...])   one directory, one static library
# hv_program(NAME SOURCES ... DEPS ...)                main.c and the library that holds the rest
# hv_preload(NAME SOURCES ...)                        libNAME.so beside the programs, for LD_PRELOAD
# hv_test(KIND NAME SOURCES ... DEPS ... [OOM] [LONG] [TIMEOUT s] [LABELS ...] [ARGS ...])
#   KIND is the ctest label; OOM links allocation-failure injection
#   (tests/support/oom.h); LONG tests carry the label `long` too.

# hv_programs: all of hv_program; hv_tests_unit, hv_tests_property: the tests of a kind.
add_custom_target(hv_programs)

function(hv_module name)
	cmake_parse_arguments(arg "" "" "SOURCES;DEPS;FOREIGN" ${ARGN})
	add_library(${name} STATIC ${arg_SOURCES})
	target_link_libraries(${name} PRIVATE hv_flags PUBLIC ${arg_DEPS} ${arg_FOREIGN})
endfunction()

function(hv_program name)
	cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
	add_executable(${name} ${arg_SOURCES})
	target_link_libraries(${name} PRIVATE hv_flags ${arg_DEPS})
	add_dependencies(hv_programs ${name})
endfunction()

function(hv_preload name)
	cmake_parse_arguments(arg "" "" "SOURCES" ${ARGN})
	add_library(${name} SHARED ${arg_SOURCES})
	target_link_libraries(${name} PRIVATE hv_flags_plain Threads::Threads)
	target_compile_options(${name} PRIVATE -fvisibility=hidden)
	target_link_options(${name} PRIVATE -Wl,-z,defs,-z,now)
	set_target_properties(${name} PROPERTIES
		LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
	add_dependencies(hv_programs ${name})
endfunction()

function(hv_test kind name)
	cmake_parse_arguments(arg "OOM;LONG" "TIMEOUT" "SOURCES;DEPS;LABELS;ARGS" ${ARGN})
	add_executable(${name} ${arg_SOURCES})
	target_link_libraries(${name} PRIVATE hv_flags hv_test_support ${arg_DEPS} PkgConfig::cmocka)
	if(arg_OOM)
		target_link_libraries(${name} PRIVATE hv_test_oom)
		target_link_options(${name} PRIVATE
			-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
			-Wl,--wrap=strndup,--wrap=posix_memalign)
	endif()
	if(NOT TARGET hv_tests_${kind})
		add_custom_target(hv_tests_${kind})
	endif()
	add_dependencies(hv_tests_${kind} ${name})
	if(NOT arg_TIMEOUT)
		set(arg_TIMEOUT 20)
	endif()
	set(labels ${kind} ${arg_LABELS})
	if(arg_LONG)
		list(APPEND labels long)
	endif()
	hv_register_test(${kind}.${name} TIMEOUT ${arg_TIMEOUT} LABELS ${labels} COMMAND ${name} ${arg_ARGS})
endfunction()

function(hv_register_test name)
	cmake_parse_arguments(arg "" "TIMEOUT" "LABELS;COMMAND" ${ARGN})
	add_test(NAME ${name} COMMAND ${arg_COMMAND})
	set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT}
		LABELS "${arg_LABELS}" SKIP_RETURN_CODE 77
		ENVIRONMENT "TARN_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};TARN_SOURCE=${CMAKE_SOURCE_DIR}")
endfunction()

# hv_test_again(KIND NAME MORE TIMEOUT s [LABELS ...] ARGS ...): the program of a test,
# as another test KIND.NAME_MORE with other arguments.
function(hv_test_again kind name more)
	cmake_parse_arguments(arg "" "TIMEOUT" "LABELS;ARGS" ${ARGN})
	hv_register_test(${kind}.${name}_${more} TIMEOUT ${arg_TIMEOUT} LABELS ${kind} ${arg_LABELS}
		COMMAND ${name} ${arg_ARGS})
endfunction()

# hv_script_test(KIND NAME SCRIPT [TIMEOUT s] [LONG]): a shell test, run with TARN_BIN set.
function(hv_script_test kind name script)
	cmake_parse_arguments(arg "LONG" "TIMEOUT" "LABELS;ARGS" ${ARGN})
	if(NOT arg_TIMEOUT)
		set(arg_TIMEOUT 60)
	endif()
	set(labels ${kind} ${arg_LABELS})
	if(arg_LONG)
		list(APPEND labels long)
	endif()
	# TERM in time: ctest itself kills, and then nobody would take a lab down
	math(EXPR soft "${arg_TIMEOUT} * 3 / 4")
	add_test(NAME ${kind}.${name} COMMAND timeout ${soft} bash ${script} ${arg_ARGS}
		WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
	set_tests_properties(${kind}.${name} PROPERTIES TIMEOUT ${arg_TIMEOUT}
		LABELS "${labels}" SKIP_RETURN_CODE 77
		ENVIRONMENT "TARN_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};TARN_SOURCE=${CMAKE_SOURCE_DIR}")
endfunction()
