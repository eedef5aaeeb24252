# libcrypto of OpenSSL: signatures and hashes. With a hiredis that speaks TLS its libssl is needed too.
find_package(OpenSSL)
if(NOT TARGET OpenSSL::Crypto)
  message(FATAL_ERROR "OpenSSL was not found: install libssl-dev, or run scripts/setup")
endif()
