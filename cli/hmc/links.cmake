# The HMC names as links to tarn-hmc: cmake -DDIRECTORY=... -DNAMES="a;b" -P links.cmake
foreach(name ${NAMES})
	file(CREATE_LINK ../tarn-hmc ${DIRECTORY}/${name} SYMBOLIC)
endforeach()
