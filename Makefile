# make demo    compress a small language model and print what is left of it
# make check   build and run every test; the last line is "N passed, N failed"
# make build   build only; the tools are in build/bin
# Each installs what is missing first. JOBS=N sets the number of build jobs (two by default).
.PHONY: build check demo
build check demo:
	@tools/scripts/$@.sh
