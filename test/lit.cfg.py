"""lit configuration: IR and tool tests. Run with `lit build/test`."""
import os

import lit.formats

config.name = "compress"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.join(config.compress_source, "test")
config.test_exec_root = os.path.join(config.compress_binary, "test")
config.excludes = ["Inputs", "models", "unit", "Integration", "benchmark"]
if "-fsanitize=" in config.compiler_flags:
    # mlir-opt lacks the run-time library that the plugin then needs.
    config.excludes.append("Plugin")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.compress_binary, "bin"), config.llvm_tools, config.environment["PATH"]])
config.environment["FILECHECK_OPTS"] = "--enable-var-scope --allow-unused-prefixes=false"
plugin = os.path.join(config.compress_binary, "lib", "CompressPlugin.so")
config.substitutions += [
    ("%plugin", f"--load-dialect-plugin={plugin} --load-pass-plugin={plugin}"),
    ("%mlir-opt", os.path.join(config.llvm_tools, "mlir-opt")),
    ("%models", os.path.join(config.test_source_root, "models")),
    ("%python", os.path.join(config.compress_source, ".venv", "bin", "python")),
]
if os.environ.get("COMPRESS_OPT_CHECK_ROUNDTRIP") == "1":
    config.substitutions.append(("compress-opt", "compress-opt --verify-roundtrip"))
