# `cmake --install` to any prefix: headers, both libraries, pkg-config, CMake package. Nothing that is
# installed names the prefix, so the tree may be moved.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/agentmq")

install(DIRECTORY include/agentmq "${AGENTMQ_INCLUDE}/agentmq" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(TARGETS agentmq agentmq_headers EXPORT agentmqTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${AGENTMQ_ARCHIVE}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT agentmqTargets NAMESPACE agentmq:: DESTINATION "${package_dir}")

# What a static link needs. OpenSSL knows what its own archives do: on Debian 13 zlib too.
set(AGENTMQ_OPENSSL libcrypto)
set(AGENTMQ_OPENSSL_LIBS "-lcrypto")
set(AGENTMQ_NEEDS_SSL OFF)
if(AGENTMQ_HIREDIS_SSL)
  set(AGENTMQ_OPENSSL libssl)
  set(AGENTMQ_OPENSSL_LIBS "-lssl -lcrypto")
  set(AGENTMQ_NEEDS_SSL ON)
endif()
execute_process(COMMAND pkg-config --static --libs-only-l ${AGENTMQ_OPENSSL}
                OUTPUT_VARIABLE said RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT failed)
  set(AGENTMQ_OPENSSL_LIBS "${said}")
endif()
set(AGENTMQ_PRIVATE_LIBS "${AGENTMQ_OPENSSL_LIBS} -lzstd -lstdc++ -lm -lpthread")
# From lib/pkgconfig back to the prefix, however deep the library folder is.
file(RELATIVE_PATH AGENTMQ_PC_PREFIX "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
string(REGEX REPLACE "/$" "" AGENTMQ_PC_PREFIX "${AGENTMQ_PC_PREFIX}")
configure_file(pkgconfig/agentmq.pc.in "${PROJECT_BINARY_DIR}/agentmq.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/agentmq.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

configure_package_config_file(cmake/agentmqConfig.cmake.in "${PROJECT_BINARY_DIR}/agentmqConfig.cmake"
                              INSTALL_DESTINATION "${package_dir}"
                              PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/agentmqConfigVersion.cmake"
                                 COMPATIBILITY AnyNewerVersion)
install(FILES "${PROJECT_BINARY_DIR}/agentmqConfig.cmake"
              "${PROJECT_BINARY_DIR}/agentmqConfigVersion.cmake" DESTINATION "${package_dir}")
