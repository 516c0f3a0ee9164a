# sluice_module(NAME <folder> [HEADERS ...] [SOURCES ...] [DEPS <module>...] [LIBS <target>...])
#
# One folder, one library target `sluice_<folder with _ for />`. Headers are public and self-contained (checked by
# all_verify_interface_header_sets). DEPS are other modules of ours; LIBS are third-party targets, private to the
# folder's .cpp files.
# TESTS lists the sources of the folder's one test binary, `<target>_tests`, whose tests CTest calls
# <folder>.<Suite>.<name>; TEST_DEPS are modules that only they use.
# LONG_TESTS are more sources of the same binary. Where there are any, suites called Long* get the label `long` and a
# timeout of LONG_TIMEOUT_S seconds (900 by default), and the others do not run them.
# TESTS_TOGETHER makes one test of CTest, <folder>, of all TESTS: for those that share a server of their process.
function(sluice_module)
  cmake_parse_arguments(ARG "TESTS_TOGETHER" "NAME;LONG_TIMEOUT_S" "HEADERS;SOURCES;DEPS;LIBS;TESTS;LONG_TESTS;TEST_DEPS" ${ARGN})
  string(REPLACE "/" "_" id ${ARG_NAME})
  set(target sluice_${id})
  if(ARG_SOURCES)
    add_library(${target} STATIC)
    set(scope PUBLIC)
    target_sources(${target} PRIVATE ${ARG_SOURCES})
    target_link_libraries(${target} PRIVATE ${ARG_LIBS})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  if(ARG_HEADERS)
    target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${ARG_HEADERS})
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
  target_include_directories(${target} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${target} ${scope} sluice_flags)
  foreach(dep IN LISTS ARG_DEPS)
    string(REPLACE "/" "_" dep ${dep})
    target_link_libraries(${target} ${scope} sluice_${dep})
  endforeach()

  if(SLUICE_TESTS AND ARG_TESTS)
    add_executable(${target}_tests ${ARG_TESTS} ${ARG_LONG_TESTS})
    target_link_libraries(${target}_tests PRIVATE ${target} GTest::gtest GTest::gtest_main)
    foreach(dep IN LISTS ARG_TEST_DEPS)
      string(REPLACE "/" "_" dep ${dep})
      target_link_libraries(${target}_tests PRIVATE sluice_${dep})
    endforeach()
    string(REPLACE "/" "." prefix ${ARG_NAME})
    if(ARG_TESTS_TOGETHER)
      add_test(NAME ${prefix} COMMAND ${target}_tests)
      set_tests_properties(${prefix} PROPERTIES TIMEOUT 120)
      return()
    endif()
    set(others)
    # A parameter has its name, or its number; its value may be an address, another one in each run.
    set(discovery TEST_PREFIX ${prefix}. DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES)
    if(ARG_LONG_TESTS)
      if(NOT ARG_LONG_TIMEOUT_S)
        set(ARG_LONG_TIMEOUT_S 900)
      endif()
      # Parameterised suites stand behind the name of their instance.
      gtest_discover_tests(${target}_tests ${discovery} TEST_FILTER "Long*:*/Long*"
        PROPERTIES LABELS long TIMEOUT ${ARG_LONG_TIMEOUT_S})
      set(others TEST_FILTER "-Long*:*/Long*")
    endif()
    gtest_discover_tests(${target}_tests ${discovery} ${others} PROPERTIES TIMEOUT 120)
  endif()
endfunction()
