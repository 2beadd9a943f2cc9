# What cpack makes: a Debian package for the Wireshark that this was built for (cpack -G DEB), and the source
# (cmake --build BUILD --target package_source).
#
# The package has X.Y of Wireshark in its name and its dependency. All parts of Wireshark depend on a libwireshark-data
# that is not older than they are, so that apt does not install the package beside another X.Y, where the plugin would
# lie unused.

# The project has no mail address of its own. Who hands packages on to others says with this whom they may write to.
set(BT_DONTHAVE_MAINTAINER "lt_donthave maintainers <maintainers@lt-donthave.invalid>" CACHE STRING
  "Whom the packages name as their maintainer: NAME <ADDRESS>")
if(NOT BT_DONTHAVE_MAINTAINER MATCHES "^[^<>\n]+ <[^<>@ \n]+@[^<>@ \n]+>$")
  message(FATAL_ERROR "BT_DONTHAVE_MAINTAINER is not NAME <ADDRESS>: ${BT_DONTHAVE_MAINTAINER}")
endif()

math(EXPR next_minor "${Wireshark_MINOR_VERSION} + 1")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME "wireshark-plugin-lt-donthave-${WIRESHARK_X_Y}")
set(CPACK_PACKAGE_CONTACT "${BT_DONTHAVE_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION
  "The filter bt.donthave finds the DontHave messages of BitTorrent peers, with
the pieces that they take back and the requests that they invalidate.

This package is for Wireshark and tshark ${WIRESHARK_X_Y}.")
set(CPACK_WIRESHARK_INSTALL_PREFIX "${Wireshark_INSTALL_PREFIX}")
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE "${CMAKE_SOURCE_DIR}/LICENSE")
set(CPACK_PROJECT_CONFIG_FILE "${CMAKE_SOURCE_DIR}/packaging/cpack_config.cmake")

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "libwireshark-data (>= ${WIRESHARK_X_Y}), libwireshark-data (<< ${Wireshark_MAJOR_VERSION}.${next_minor}~)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "wireshark | tshark")
set(CPACK_DEBIAN_PACKAGE_PROVIDES "wireshark-plugin-lt-donthave")
set(CPACK_DEBIAN_PACKAGE_CONFLICTS "wireshark-plugin-lt-donthave")
set(CPACK_DEBIAN_PACKAGE_REPLACES "wireshark-plugin-lt-donthave")

# What only the Debian package has: cpack runs the script before it packs.
string(TIMESTAMP debian_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(debian_folder "${CMAKE_BINARY_DIR}/debian")
file(MAKE_DIRECTORY "${debian_folder}")
configure_file(packaging/changelog.in "${debian_folder}/changelog" @ONLY)
configure_file(packaging/copyright "${debian_folder}/copyright" COPYONLY)
configure_file(packaging/stage_debian.cmake.in "${debian_folder}/stage.cmake" @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS "${debian_folder}/stage.cmake")

set(CPACK_SOURCE_GENERATOR TGZ)
set(CPACK_SOURCE_PACKAGE_FILE_NAME "${PROJECT_NAME}-${PROJECT_VERSION}")
# As .gitignore. The expressions see whole paths.
set(CPACK_SOURCE_IGNORE_FILES "/\\\\.git(/|$)" "^${CMAKE_SOURCE_DIR}/build(-[^/]*)?/" "/\\\\.cache/" "/__pycache__/"
  "\\\\.pyc$" "/\\\\.pytest_cache/" "/node_modules/" "/compile_commands\\\\.json$")

include(CPack)
