# Read by cpack before it makes a package.
if(CPACK_GENERATOR STREQUAL "DEB")
  # Not for the source archive, which would begin with a folder usr.
  set(CPACK_PACKAGING_INSTALL_PREFIX "${CPACK_WIRESHARK_INSTALL_PREFIX}")

  # Without these commands it would go on, and make a package without dependencies or fail where nothing tells why.
  foreach(command file dpkg-shlibdeps)
    find_program(path_of_${command} ${command} NO_CMAKE_PATH NO_CMAKE_SYSTEM_PATH)
    if(NOT path_of_${command})
      message(FATAL_ERROR "A Debian package cannot be made without the command ${command}: apt-get install file dpkg-dev")
    endif()
  endforeach()
endif()
