//===- PackedWeights.cpp - stored elements as elements of memory ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EncodingPatterns.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::compress;

/// The same bytes, as elements of a type of the same width; null where they have to be copied.
static Attribute retype(Attribute value, RankedTensorType type) {
  if (auto elements = dyn_cast<DenseElementsAttr>(value))
    return elements.bitcast(type.getElementType());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  if (auto file = dyn_cast<FileAttr>(value))
    return FileAttr::get(file.getContext(), type, file.getPath(), file.getOffset(),
                         file.getLength(), file.getHash());
  return {};
}

/// A byte per element.
static FailureOr<Attribute> unpack(LoadOp op, StringRef name, RankedTensorType type) {
  auto from = cast<RankedTensorType>(op.getType());
  DataType dataType = *getDataType(from.getElementType());
  auto emitError = [&] { return op.emitError() << "unpacking the weight: "; };
  WeightStore store(op.getContext());
  FailureOr<WeightBytes> packed = store.read(op.getWeightValue(), from, emitError);
  if (failed(packed))
    return failure();
  FailureOr<WeightBuffer> buffer = store.allocate(type, emitError);
  if (failed(buffer))
    return failure();
  MutableArrayRef<char> bytes = buffer->bytes();
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(readPacked(dataType, packed->bytes(), i));
  return store.commit(name, type, std::move(*buffer));
}

namespace {
/// Elements of less than 8 bits get a byte each; others another type for the same bytes.
struct PackedLoadLowering : public LoweringPattern<LoadOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(LoadOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto from = cast<RankedTensorType>(op.getType());
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    if (!getDataType(from.getElementType()) || from == type)
      return rewriter.notifyMatchFailure(op, "no other type in memory");
    FlatSymbolRefAttr &symbol = symbols[op.getWeightAttr().getAttr()];
    if (!symbol && failed(createWeight(op, from, type, symbol)))
      return failure();
    rewriter.replaceOpWithNewOp<LoadOp>(op, type, symbol);
    return success();
  }

private:
  static LogicalResult createWeight(LoadOp op, RankedTensorType from, RankedTensorType type,
                                    FlatSymbolRefAttr &symbol) {
    bool isPacked = getBitWidth(*getDataType(from.getElementType())) < 8;
    std::string name = (op.getWeight() + (isPacked ? ".bytes" : ".codes")).str();
    Attribute value = isPacked ? Attribute() : retype(op.getWeightValue(), type);
    if (isPacked) {
      FailureOr<Attribute> unpacked = unpack(op, name, type);
      if (failed(unpacked))
        return failure();
      value = *unpacked;
    }
    if (!value)
      return op.emitError("the weight has no bytes");
    auto module = op->getParentOfType<ModuleOp>();
    OpBuilder detached(op.getContext());
    auto weight = WeightOp::create(detached, op.getLoc(), detached.getStringAttr(name),
                                   detached.getStringAttr("private"), TypeAttr::get(type), value);
    SymbolTable table(module);
    symbol = FlatSymbolRefAttr::get(table.insert(weight, module.getBody()->begin()));
    return success();
  }

  /// New weights by the old ones.
  mutable DenseMap<StringAttr, FlatSymbolRefAttr> symbols;
};
} // namespace

void compress::populatePackedWeightPatterns(const TypeConverter &converter,
                                            LoweringContext &lowering,
                                            RewritePatternSet &patterns) {
  // After literals, which need no weight.
  patterns.add<PackedLoadLowering>(converter, lowering, /*benefit=*/0);
}
