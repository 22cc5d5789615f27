//===- NormalizeSimplify.cpp - shapes become constants ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What is done to every model op as soon as its operands are known: its dims are inferred as
// expressions, and run-time shape operands become constants where the expressions allow it.
//
//===----------------------------------------------------------------------===//

#include "NormalizeImpl.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Support/DataType.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

using reference::Tensor;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

WeightOp Normalizer::lookupWeight(LoadOp load) {
  return symbols.lookup<WeightOp>(load.getWeight());
}

std::optional<Tensor> Normalizer::constantOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  if (!type || !isa_and_present<LoadOp, ConstantOp>(op))
    return std::nullopt;
  FailureOr<uint64_t> size = WeightStore::getStorageBytes(type);
  if (failed(size) || *size > static_cast<uint64_t>(maxConstantBytes))
    return std::nullopt;
  if (auto known = constants.find(value); known != constants.end())
    return known->second;
  Attribute attr;
  if (auto load = dyn_cast<LoadOp>(op)) {
    WeightOp weight = lookupWeight(load);
    attr = weight ? weight.getValue() : Attribute();
  } else {
    attr = cast<ConstantOp>(op).getValue();
  }
  std::optional<Tensor> result;
  if (attr) {
    // A weight that cannot be read is reported by the pass that needs it.
    ScopedDiagnosticHandler silent(context, [](Diagnostic &) { return success(); });
    FailureOr<WeightBytes> bytes = store.read(attr, type, [&] { return emitError(op->getLoc()); });
    if (succeeded(bytes)) {
      llvm::Expected<Tensor> tensor =
          Tensor::fromPacked(bytes->getType(), bytes->getShape(), bytes->bytes());
      if (tensor)
        result = std::move(*tensor);
      else
        llvm::consumeError(tensor.takeError());
    }
  }
  constants[value] = result;
  return result;
}

Value Normalizer::createWeight(StringRef name, RankedTensorType type, Attribute value, Location loc,
                               OpBuilder &builder) {
  OpBuilder detached(context);
  auto weight = WeightOp::create(detached, loc, builder.getStringAttr(name),
                                 builder.getStringAttr("private"), TypeAttr::get(type), value);
  // In order, after the weights that are there.
  Block::iterator at = module.getBody()->begin();
  while (at != module.getBody()->end() && isa<WeightOp>(*at))
    ++at;
  StringAttr symbol = symbols.insert(weight, at);
  newWeights.push_back(weight);
  auto load = LoadOp::create(builder, loc, type, FlatSymbolRefAttr::get(symbol));
  created.push_back(load);
  return load;
}

Value Normalizer::getConstant(ElementsAttr value, Location loc, OpBuilder &builder) {
  Block *block = builder.getInsertionBlock();
  Operation *&known = constantOps[{block, value}];
  // Ops are inserted in order, so one that is still there comes before.
  if (!known || known->getBlock() != block) {
    known = ConstantOp::create(builder, loc, value.getShapedType(), value);
    created.push_back(known);
  }
  return known->getResult(0);
}

Value Normalizer::materialize(const Tensor &tensor, Location loc, OpBuilder &builder) {
  auto type = RankedTensorType::get(tensor.getShape(), getElementType(tensor.getType(), context));
  llvm::Expected<SmallVector<char, 0>> bytes = tensor.toPacked();
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return {};
  }
  Attribute value;
  if (isInteger(tensor.getType()) && getBitWidth(tensor.getType()) >= 8) {
    // A literal even if it is long: inference reads it.
    value = DenseElementsAttr::getFromRawBuffer(type, *bytes);
  } else {
    FailureOr<WeightBuffer> buffer = store.allocate(type, [&] { return emitError(loc); });
    if (failed(buffer))
      return {};
    llvm::copy(*bytes, buffer->bytes().begin());
    bool isLarge = bytes->size() > WeightStore::kMaxLiteralBytes;
    std::string name = "constant";
    if (auto nameLoc = dyn_cast<NameLoc>(loc))
      name = nameLoc.getName().str();
    value = store.commit(name, type, std::move(*buffer));
    if (isLarge)
      return createWeight(name, type, value, loc, builder);
  }
  return getConstant(cast<ElementsAttr>(value), loc, builder);
}

Value Normalizer::constantInts(ArrayRef<int64_t> values, Operation *before) {
  OpBuilder builder(before);
  auto type = RankedTensorType::get(static_cast<int64_t>(values.size()), builder.getI64Type());
  return getConstant(DenseElementsAttr::get(type, values), before->getLoc(), builder);
}

//===----------------------------------------------------------------------===//
// Simplification
//===----------------------------------------------------------------------===//

bool Normalizer::setConstant(Operation *op, OpOperand &operand, ArrayRef<int64_t> values) {
  Value before = operand.get();
  operand.set(constantInts(values, op));
  if (succeeded(refreshTypes(op)))
    return true;
  operand.set(before);
  return false;
}

bool Normalizer::isSameValue(Value result, Value input) {
  if (result.getType() != input.getType())
    return false;
  SmallVector<SymbolicExpr> a(shapes->getDims(result)), b(shapes->getDims(input));
  return a == b;
}

Value Normalizer::simplifyReshape(ReshapeOp op) {
  if (isSameValue(op.getResult(), op.getInput()))
    return op.getInput();
  std::optional<SmallVector<SymbolicExpr>> target = shapes->getContents(op.getShape());
  if (!target || constantOf(op.getShape()))
    return {};
  SmallVector<SymbolicExpr> from(shapes->getDims(op.getInput())),
      to(shapes->getDims(op.getResult()));
  SmallVector<int64_t> spec;
  SmallVector<size_t> unknown;
  for (auto [i, size] : llvm::enumerate(*target)) {
    std::optional<int64_t> constant = size.getConstant();
    if ((!constant || *constant == -1) && to[i].getConstant().value_or(0) > 0)
      constant = to[i].getConstant();
    spec.push_back(constant.value_or(-1));
    if (!constant || *constant == -1)
      unknown.push_back(i);
  }
  // With allowzero a 0 is a size, and no dim can be copied; without zeros it means nothing.
  bool mayCopy = !op.getAllowzero() || !llvm::is_contained(spec, 0);
  // Copied dims are right for empty tensors too; one other dim may be inferred.
  bool copies = false;
  for (size_t i : unknown) {
    bool isSymbolic = !(*target)[i].getConstant();
    if (mayCopy && i < from.size() && from[i] == to[i] &&
        (isSymbolic || llvm::count(spec, -1) > 1)) {
      spec[i] = 0;
      copies = true;
    }
  }
  if (llvm::count(spec, -1) > 1)
    return {};
  bool allowzero = op.getAllowzero();
  if (copies)
    op.setAllowzero(false);
  if (!setConstant(op, op.getShapeMutable(), spec))
    op.setAllowzero(allowzero);
  return {};
}

Value Normalizer::simplifyBroadcast(BroadcastOp op) {
  if (isSameValue(op.getResult(), op.getInput()))
    return op.getInput();
  std::optional<SmallVector<SymbolicExpr>> target = shapes->getContents(op.getShape());
  if (!target || constantOf(op.getShape()))
    return {};
  SmallVector<SymbolicExpr> from(shapes->getDims(op.getInput()));
  SmallVector<int64_t> spec;
  for (auto [i, size] : llvm::enumerate(*target)) {
    int64_t at = static_cast<int64_t>(i) + from.size() - target->size();
    if (std::optional<int64_t> constant = size.getConstant())
      spec.push_back(*constant);
    else if (at >= 0 && from[at] == size)
      spec.push_back(1); // Broadcasting keeps the input's dim.
    else
      return {};
  }
  setConstant(op, op.getShapeMutable(), spec);
  return {};
}

Value Normalizer::simplifySlice(SliceOp op) {
  std::optional<SmallVector<SymbolicExpr>> starts = shapes->getContents(op.getStarts()),
                                           ends = shapes->getContents(op.getEnds());
  if (!starts || !ends)
    return {};
  SmallVector<SymbolicExpr> from(shapes->getDims(op.getInput()));
  constexpr int64_t toTheEnd = INT64_MAX;
  SmallVector<int64_t> constantEnds;
  bool isWhole = true, isConstant = true;
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    std::optional<int64_t> end = (*ends)[i].getConstant();
    std::optional<SymbolicExpr> past = (*ends)[i].sub(from[axis]);
    bool reachesEnd =
        (past && shapes->isNonNegative(*past)) || (end && *end >= (int64_t(1) << 31) - 1);
    if (op.getSteps()[i] != 1 || !reachesEnd || !(*starts)[i].isConstant(0))
      isWhole = false;
    if (!end && op.getSteps()[i] > 0 && reachesEnd)
      end = toTheEnd;
    isConstant &= end.has_value();
    constantEnds.push_back(end.value_or(0));
  }
  if (isWhole && op.getType() == op.getInput().getType())
    return op.getInput();
  if (isConstant && !constantOf(op.getEnds()))
    setConstant(op, op.getEndsMutable(), constantEnds);
  SmallVector<int64_t> constantStarts;
  for (const SymbolicExpr &start : *starts)
    if (std::optional<int64_t> constant = start.getConstant())
      constantStarts.push_back(*constant);
  if (constantStarts.size() == starts->size() && !constantOf(op.getStarts()))
    setConstant(op, op.getStartsMutable(), constantStarts);
  return {};
}

Value Normalizer::simplifyWhere(WhereOp op) {
  std::optional<bool> condition;
  auto check = [&](bool element) {
    bool same = !condition || *condition == element;
    condition = element;
    return same;
  };
  if (std::optional<Tensor> tensor = constantOf(op.getCondition())) {
    for (int64_t element : tensor->toInts())
      if (!check(element != 0))
        return {};
  } else if (std::optional<SmallVector<SymbolicExpr>> elements =
                 shapes->getContents(op.getCondition())) {
    for (const SymbolicExpr &element : *elements)
      if (!element.getConstant() || !check(*element.getConstant() != 0))
        return {};
  }
  if (!condition)
    return {};
  Value chosen = *condition ? op.getOnTrue() : op.getOnFalse();
  return isSameValue(op.getResult(), chosen) ? chosen : Value();
}

/// The permutation does not move anything.
static bool isIdentity(ArrayRef<int64_t> perm) {
  for (auto [i, axis] : llvm::enumerate(perm))
    if (axis != static_cast<int64_t>(i))
      return false;
  return true;
}

Value Normalizer::simplify(Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<ReshapeOp>([&](ReshapeOp reshape) { return simplifyReshape(reshape); })
      .Case<BroadcastOp>([&](BroadcastOp broadcast) { return simplifyBroadcast(broadcast); })
      .Case<SliceOp>([&](SliceOp slice) { return simplifySlice(slice); })
      .Case<WhereOp>([&](WhereOp where) { return simplifyWhere(where); })
      .Case<CastOp>([&](CastOp cast) {
        return cast.getType() == cast.getInput().getType() ? cast.getInput() : Value();
      })
      .Case<TransposeOp>([&](TransposeOp transpose) {
        return isIdentity(transpose.getPerm()) ? transpose.getInput() : Value();
      })
      .Case<SqueezeOp, UnsqueezeOp>([&](auto squeeze) {
        return squeeze.getAxes().empty() ? Value(squeeze.getInput()) : Value();
      })
      .Case<ConcatOp>([&](ConcatOp concat) {
        return concat.getInputs().size() == 1 ? concat.getInputs().front() : Value();
      })
      .Default([](Operation *) { return Value(); });
}

//===----------------------------------------------------------------------===//
// Folding
//===----------------------------------------------------------------------===//

/// Ops whose meaning is lost if they are folded: those on weights, decode chains, and transposes of
/// parameters, which show that a weight is tied or used the other way round. Pooling may take long
/// even on small tensors.
static bool mustStay(Operation *op) {
  if (isa<PoolOp, WeightedOpInterface, DecodeOpInterface, QuantizeOp, DynamicQuantizeOp,
          FakeQuantizeOp>(op))
    return true;
  auto transpose = dyn_cast<TransposeOp>(op);
  return transpose && transpose.getType().getRank() >= 2 &&
         transpose.getInput().getDefiningOp<LoadOp>();
}

bool Normalizer::spend(Operation *op) {
  int64_t elements = 0;
  for (TypeRange types : {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      elements += cast<RankedTensorType>(type).getNumElements();
  if (elements <= freeElements)
    return true;
  if (elements > foldBudget)
    return false;
  foldBudget -= elements;
  return true;
}

std::optional<SmallVector<Value>> Normalizer::fold(Operation *op) {
  auto reference = dyn_cast<ReferenceOpInterface>(op);
  if (!reference || mustStay(op))
    return std::nullopt;
  int64_t total = 0;
  for (Type type : op->getResultTypes()) {
    FailureOr<uint64_t> size = failure();
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      size = WeightStore::getStorageBytes(tensor);
    if (failed(size) || *size > static_cast<uint64_t>(maxConstantBytes))
      return std::nullopt;
    total += *size;
  }
  if (total > maxConstantBytes)
    return std::nullopt;

  OpBuilder builder(op);
  // Elements that the dims determine, whatever the operands are.
  if (op->getNumResults() == 1) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    std::optional<SmallVector<SymbolicExpr>> elements = shapes->getContents(op->getResult(0));
    SmallVector<int64_t> integers;
    for (const SymbolicExpr &element : elements.value_or(SmallVector<SymbolicExpr>()))
      if (std::optional<int64_t> constant = element.getConstant())
        integers.push_back(*constant);
    std::optional<DataType> dataType = getDataType(type.getElementType());
    if (elements && dataType && integers.size() == elements->size()) {
      llvm::Expected<Tensor> tensor = Tensor::fromInts(*dataType, type.getShape(), integers);
      if (tensor)
        if (Value value = materialize(*tensor, op->getLoc(), builder))
          return SmallVector<Value>{value};
      llvm::consumeError(tensor.takeError());
    }
  }

  SmallVector<Tensor> operands;
  for (Value operand : op->getOperands()) {
    std::optional<Tensor> tensor = constantOf(operand);
    if (!tensor)
      return std::nullopt;
    operands.push_back(std::move(*tensor));
  }
  if (!spend(op))
    return std::nullopt;
  llvm::Expected<SmallVector<Tensor>> results = reference.evaluate(operands);
  if (!results) {
    // What cannot be computed here fails with its own message when it is run.
    llvm::consumeError(results.takeError());
    return std::nullopt;
  }
  if (results->size() != op->getNumResults())
    return std::nullopt;
  SmallVector<Value> values;
  for (auto [tensor, result] : llvm::zip_equal(*results, op->getResults())) {
    auto type = cast<RankedTensorType>(result.getType());
    if (tensor.getShape() != type.getShape() ||
        getElementType(tensor.getType(), context) != type.getElementType())
      return std::nullopt;
    Value value = materialize(tensor, op->getLoc(), builder);
    if (!value)
      return std::nullopt;
    values.push_back(value);
  }
  return values;
}

SmallVector<Value> Normalizer::finish(Operation *op) {
  SmallVector<Value> results(op->getResults());
  if (!llvm::all_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>) ||
      !llvm::all_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>))
    return results;
  shapes->infer(op);
  for (Value result : results)
    result.setType(shapes->refine(result));
  SmallVector<Value> replacements;
  if (Value value = simplify(op))
    replacements.push_back(value);
  else if (std::optional<SmallVector<Value>> folded = fold(op))
    replacements = std::move(*folded);
  else
    return results;
  for (auto [old, value] : llvm::zip_equal(results, replacements))
    old.replaceAllUsesWith(value);
  retire(op);
  return replacements;
}
