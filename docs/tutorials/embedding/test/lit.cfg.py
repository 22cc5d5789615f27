import os

import lit.formats

config.name = "Foo"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.foo_binary_dir + "/test"
config.environment["PATH"] = os.pathsep.join(
    [config.foo_binary_dir, config.llvm_tools_dir, os.environ["PATH"]]
)
