//===- CompressBase.td - dialect and base classes -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSBASE_TD
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSBASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"

def Compress_Dialect : Dialect {
  let name = "compress";
  let cppNamespace = "::mlir::compress";
  let summary = "Model compression: weights, decode chains and NumPy-like model ops";
  let description = [{
    The `compress` dialect holds a neural network while it is being compressed.

    - *Structure*: weights are module-level symbols (`compress.weight`) whose bytes stay where they
      are (a resource blob or a memory-mapped file); `compress.load` brings one into a function. An
      ONNX node without a model op is kept as `compress.onnx`.
    - *Model ops* have NumPy/ONNX semantics on ranked tensors with dynamic dimensions.
    - *Encoding ops* decode a compressed weight: a compressed weight is ordinary SSA, a chain
      from stored bytes to the dense tensor, in one normal form:

      ```
      weight = [mask] o (dequantize | lookup, scale) o [expand_nm | expand_bitmap] o load
      ```
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::func::FuncDialect"];
  let discardableAttrs = (ins
    "::mlir::compress::PlanAttr":$plan
  );
  let extraClassDeclaration = [{
    /// Folder that relative `#compress.file` paths start from: the folder of the module that was
    /// read. Empty means the current folder. Tools set it through a dialect extension.
    ::llvm::StringRef getBaseDirectory() const { return baseDirectory; }
    void setBaseDirectory(::llvm::StringRef dir) { baseDirectory = dir.str(); }

    /// Where passes tell what they did to a layer; null if nobody listens. Not owned.
    ReportCollector *getReportCollector() const { return reportCollector; }
    void setReportCollector(ReportCollector *collector) { reportCollector = collector; }

    /// What calibration saw of the model of this context; null if nothing was collected. Passes
    /// that change activations change it, too.
    Statistics *getStatistics() const { return statistics.get(); }
    void setStatistics(std::shared_ptr<Statistics> value) { statistics = std::move(value); }

    /// Mapped weight files of this context; see `WeightStore`.
    WeightFileCache &getFileCache() { return *fileCache; }

  private:
    std::string baseDirectory;
    std::shared_ptr<WeightFileCache> fileCache;
    ReportCollector *reportCollector = nullptr;
    std::shared_ptr<Statistics> statistics;
    void registerOperations();
    void registerAttributes();

  public:
  }];
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSBASE_TD
