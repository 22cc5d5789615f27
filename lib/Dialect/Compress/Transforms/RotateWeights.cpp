//===- RotateWeights.cpp - weights in other coordinates ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RotateWeights.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Threading.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

bool NormParameters::hasBias() const {
  return llvm::any_of(bias, [](double value) { return value != 0; });
}

bool NormParameters::isPlain() const {
  return !hasBias() && llvm::all_of(scale, [](double value) { return value == 1; });
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

/// Rounds `values` into a new stored tensor.
static FailureOr<StoredTensor> fromDoubles(WeightStore &store, RankedTensorType type,
                                           ArrayRef<double> values, EmitErrorFn emitError) {
  FailureOr<StoredTensor> tensor = StoredTensor::allocate(store, type, emitError);
  if (failed(tensor))
    return failure();
  DataType data = tensor->getDataType();
  char *bytes = tensor->mutableBytes().data();
  unsigned size = getStorageBitWidth(data) / 8;
  for (auto [i, value] : llvm::enumerate(values)) {
    // No negative zeros.
    uint64_t bits = encodeFloat(data, value + 0.0);
    std::memcpy(bytes + i * size, &bits, size);
  }
  return tensor;
}

void RotationPlan::applyTo(std::vector<double> &values, SmallVectorImpl<int64_t> &shape,
                           const DimChange &change) {
  BlockView view = getAxisView(shape, change.dim);
  if (change.norm) {
    const std::vector<double> &scale = parameters.find(change.norm)->second.scale;
    for (auto [i, value] : llvm::enumerate(values))
      value *= scale[i / view.inner % view.k % scale.size()];
  }
  uint64_t size = change.rotation ? change.rotation->getSize() : change.slice->size;
  if (change.isCentered)
    centerAlongK({view.outer * (view.k / size), size, view.inner}, values.data());
  if (change.rotation)
    return rotateAlongK(*change.rotation, view, values.data());
  values = projectAlongK(change.slice->basis, change.slice->count, view, values);
  shape[change.dim] = change.slice->count;
}

const NormParameters *RotationPlan::getParameters(const NormOp &norm) {
  auto it = parameters.find(norm.op);
  if (it != parameters.end())
    return &it->second;
  int64_t channels = cast<RankedTensorType>(norm.input.getType()).getShape().back();
  NormParameters read;
  auto emitError = [&] { return norm.op->emitError(); };
  auto readInto = [&](Value value, std::vector<double> &numbers) -> LogicalResult {
    FailureOr<StoredTensor> tensor =
        StoredTensor::read(store, value.getDefiningOp<WeightSourceOpInterface>(), emitError);
    if (failed(tensor))
      return failure();
    numbers = toDoubles(*tensor);
    if (numbers.size() == 1)
      numbers.assign(channels, numbers.front());
    return success();
  };
  if (failed(readInto(norm.scale, read.scale)) ||
      (norm.bias && failed(readInto(norm.bias, read.bias))))
    return nullptr;
  return &parameters.try_emplace(norm.op, std::move(read)).first->second;
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

WeightChange &RotationPlan::getChange(const WeightedOp &op) {
  WeightChange &change = changes[op.op];
  if (!change.op.op)
    change.op = op;
  return change;
}

WeightChange *RotationPlan::findChange(Operation *op) {
  auto it = changes.find(op);
  return it == changes.end() ? nullptr : &it->second;
}

void RotationPlan::add(const RotatableSet &set, const Rotation &rotation) {
  for (const RotatableSet::WeightUse &reader : set.readers)
    getChange(reader.op).input = DimChange{reader.dim, reader.norm, false, &rotation, nullptr};
  for (const RotatableSet::WeightUse &writer : set.writers)
    getChange(writer.op).output =
        DimChange{writer.dim, nullptr, set.hasLayerNorm, &rotation, nullptr};
  for (const RotatableSet::Constant &constant : set.constants)
    addConstant(constant, {constant.dim, nullptr, set.hasLayerNorm, &rotation, nullptr});
  for (const NormOp &norm : set.norms)
    addNorm(norm);
}

void RotationPlan::addConstant(const RotatableSet::Constant &constant, DimChange change) {
  constants.push_back({constant.operand, change});
}

void RotationPlan::addNorm(const NormOp &norm, const PrincipalComponents *slice) {
  norms.push_back({norm, slice});
}

/// Identity of the bytes of a source.
static std::string getIdentity(WeightSourceOpInterface source) {
  const void *pointer = source.getWeightValue().getAsOpaquePointer();
  if (auto load = dyn_cast<LoadOp>(source.getOperation()))
    pointer = load.getWeightAttr().getAsOpaquePointer();
  return std::to_string(reinterpret_cast<uintptr_t>(pointer));
}

size_t RotationPlan::getJob(WeightSourceOpInterface source, ArrayRef<DimChange> dimChanges,
                            bool wantsProduct) {
  std::string key = getIdentity(source);
  for (const DimChange &change : dimChanges) {
    key += ";" + std::to_string(change.dim) + (change.isCentered ? "c" : "");
    key += "," + std::to_string(reinterpret_cast<uintptr_t>(change.rotation));
    key += "," + std::to_string(reinterpret_cast<uintptr_t>(change.slice));
    if (std::optional<NormOp> norm = getNorm(change.norm)) {
      key += "," + getIdentity(norm->scale.getDefiningOp<WeightSourceOpInterface>());
      if (wantsProduct)
        key += "," + getIdentity(norm->bias.getDefiningOp<WeightSourceOpInterface>());
    }
  }
  auto [it, isNew] = jobOfKey.try_emplace(key, jobs.size());
  if (isNew) {
    Job job;
    job.source = source;
    job.changes.assign(dimChanges.begin(), dimChanges.end());
    job.wantsProduct = wantsProduct;
    jobs.push_back(std::move(job));
  }
  return it->second;
}

//===----------------------------------------------------------------------===//
// Making constants
//===----------------------------------------------------------------------===//

/// Sums over dim `dim` of `values` with factors `vector` (repeated).
static std::vector<double> contract(ArrayRef<double> values, ArrayRef<int64_t> shape, int64_t dim,
                                    ArrayRef<double> vector) {
  BlockView view = getAxisView(shape, dim);
  std::vector<double> sums(view.outer * view.inner, 0.0);
  for (uint64_t o = 0; o < view.outer; ++o)
    for (uint64_t k = 0; k < view.k; ++k)
      for (uint64_t i = 0; i < view.inner; ++i)
        sums[o * view.inner + i] +=
            values[(o * view.k + k) * view.inner + i] * vector[k % vector.size()];
  return sums;
}

LogicalResult RotationPlan::run(Job &job) {
  auto emitError = [&] { return job.source->emitError(); };
  FailureOr<StoredTensor> old = StoredTensor::read(store, job.source, emitError);
  if (failed(old))
    return failure();
  std::vector<double> values = toDoubles(*old);
  for (auto [i, value] : llvm::enumerate(values))
    if (!std::isfinite(value))
      return emitError() << "cannot " << (job.changes[0].slice ? "slice" : "rotate") << " weight '"
                         << job.source.getWeightName() << "': element " << i << " is not finite";
  SmallVector<int64_t> shape(old->getType().getShape());
  if (job.wantsProduct)
    for (const DimChange &change : job.changes)
      if (change.norm)
        job.product =
            contract(values, shape, change.dim, parameters.find(change.norm)->second.bias);
  for (const DimChange &change : job.changes)
    applyTo(values, shape, change);
  FailureOr<StoredTensor> result =
      fromDoubles(store, old->getType().clone(shape), values, emitError);
  if (failed(result))
    return failure();
  job.result = std::move(*result);
  return success();
}

/// Name of the new form of a weight.
static std::string getNewName(StringRef name, const DimChange &change) {
  StringRef suffix = change.slice ? ".sliced" : ".rot";
  name.consume_back(suffix);
  return (name + suffix).str();
}

Value RotationPlan::getResult(OpBuilder &builder, Job &job) {
  if (job.made)
    return builder.clone(*job.made)->getResult(0);
  Value value = job.result->materialize(builder, symbols, store, job.source,
                                        getNewName(job.source.getWeightName(), job.changes[0]));
  job.made = value.getDefiningOp();
  return value;
}

FailureOr<Value> RotationPlan::makeMatrix(OpBuilder &builder, WeightSourceOpInterface like,
                                          StringRef name, RankedTensorType type,
                                          ArrayRef<double> values) {
  std::string key = name.str();
  llvm::raw_string_ostream(key) << type;
  Operation *&made = matrices[key];
  if (made)
    return builder.clone(*made)->getResult(0);
  FailureOr<StoredTensor> tensor =
      fromDoubles(store, type, values, [&] { return like->emitError(); });
  if (failed(tensor))
    return failure();
  Value value = tensor->materialize(builder, symbols, store, like, name);
  made = value.getDefiningOp();
  return value;
}

//===----------------------------------------------------------------------===//
// Changing ops
//===----------------------------------------------------------------------===//

/// Operand of a weighted op that is neither weight nor activation, but a float tensor; or null.
static OpOperand *getBias(const WeightedOp &op) {
  for (OpOperand &operand : op.op->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (&operand != op.operand && &operand != op.activation && type &&
        isa<FloatType>(type.getElementType()))
      return &operand;
  }
  return nullptr;
}

LogicalResult RotationPlan::applyBias(WeightChange &change, const Job &job) {
  Operation *op = change.op.op;
  OpOperand *operand = getBias(change.op);
  if ((!operand || !change.output) && job.product.empty())
    return success();
  auto emitError = [&] { return op->emitError(); };
  RankedTensorType weightType = change.op.chain.getType();
  WeightSourceOpInterface like = change.op.chain.source;
  std::vector<double> values = job.product;
  // A matmul has no bias; its product keeps the dims of the weight.
  SmallVector<int64_t> shape{static_cast<int64_t>(values.size())};
  int64_t dim = 0;
  if (isa<MatMulOp>(op)) {
    shape.assign(weightType.getShape().begin(), weightType.getShape().end());
    shape[change.input->dim] = 1;
    dim = change.output ? change.output->dim : 0;
  }
  if (operand) {
    like = operand->get().getDefiningOp<WeightSourceOpInterface>();
    FailureOr<StoredTensor> old = StoredTensor::read(store, like, emitError);
    if (failed(old))
      return failure();
    std::vector<double> own = toDoubles(*old);
    shape.assign(1, own.size());
    values.resize(own.size(), 0.0);
    for (auto [value, more] : llvm::zip(values, own))
      value += more;
  }
  if (change.output) {
    DimChange output = *change.output;
    output.dim = dim;
    applyTo(values, shape, output);
  }
  auto type = RankedTensorType::get(shape, weightType.getElementType());
  FailureOr<StoredTensor> tensor = fromDoubles(store, type, values, emitError);
  if (failed(tensor))
    return failure();
  OpBuilder builder(op);
  std::string name = like.getWeightName();
  if (!operand)
    name += ".bias";
  Value bias = tensor->materialize(builder, symbols, store, like, getNewName(name, job.changes[0]));
  if (operand) {
    operand->set(bias);
  } else if (isa<LinearOp>(op)) {
    op->insertOperands(2, bias);
  } else {
    builder.setInsertionPointAfter(op);
    Value result = op->getResult(0);
    auto add = AddOp::create(builder, op->getLoc(), result.getType(), result, bias);
    result.replaceAllUsesExcept(add.getResult(), add);
  }
  return success();
}

// With d' coordinates of d channels, sum(x^2) / d + epsilon = (sum(x^2) / d' + epsilon d / d') d' /
// d: a norm of d' channels with epsilon d / d' gives sqrt(d' / d) times what is wanted.
LogicalResult RotationPlan::applyNorm(const NormOp &norm, const PrincipalComponents *slice) {
  if (!slice && !norm.isLayerNorm && parameters.find(norm.op)->second.isPlain())
    return success();
  OpBuilder builder(norm.op);
  auto type = cast<RankedTensorType>(norm.scale.getType());
  std::string name = "rotated_norm.ones";
  double oldByNew = 1;
  if (slice) {
    oldByNew = static_cast<double>(slice->size) / static_cast<double>(slice->count);
    name = "sliced_norm." + std::to_string(slice->size);
    SmallVector<int64_t> shape(type.getShape());
    llvm::replace(shape, slice->size, slice->count);
    type = type.clone(shape);
  }
  std::vector<double> values(type.getNumElements(), std::sqrt(oldByNew));
  FailureOr<Value> scale =
      makeMatrix(builder, norm.scale.getDefiningOp<WeightSourceOpInterface>(), name, type, values);
  if (failed(scale))
    return failure();
  auto scaleEpsilon = [&](APFloat epsilon) {
    return APFloat(static_cast<float>(epsilon.convertToDouble() * oldByNew));
  };
  auto layer = dyn_cast<LayerNormOp>(norm.op);
  if (!layer) {
    auto rms = cast<RMSNormOp>(norm.op);
    rms->setOperand(1, *scale);
    rms.setEpsilon(scaleEpsilon(rms.getEpsilon()));
    return success();
  }
  auto rms =
      RMSNormOp::create(builder, layer.getLoc(), layer.getResult().getType(), layer.getInput(),
                        *scale, layer.getAxis(), scaleEpsilon(layer.getEpsilon()));
  rms->setDiscardableAttrs(layer->getDiscardableAttrDictionary());
  layer.getResult().replaceAllUsesWith(rms.getResult());
  layer.erase();
  return success();
}

/// Weights that several ops used and that are several weights now.
void RotationPlan::noteUntied() {
  llvm::MapVector<StringAttr, SmallVector<Job *, 2>> jobsOf;
  for (Job &job : jobs)
    if (auto load = dyn_cast<LoadOp>(job.source.getOperation()))
      jobsOf[load.getWeightAttr().getAttr()].push_back(&job);
  for (auto &[name, list] : jobsOf)
    if (list.size() > 1)
      untied.push_back({list.back()->source.getLoc(),
                        "weight '" + name.str() + "' is not shared any more: its " +
                            std::to_string(list.size()) + " uses change it in different ways"});
}

LogicalResult RotationPlan::apply() {
  SmallVector<size_t> jobOfChange, jobOfConstant;
  SmallVector<WeightChange *> ordered;
  module.walk([&](Operation *op) {
    if (WeightChange *change = findChange(op))
      ordered.push_back(change);
  });
  for (WeightChange *entry : ordered) {
    const WeightChange &change = *entry;
    SmallVector<DimChange, 2> dims;
    bool wantsProduct = false;
    if (change.input) {
      dims.push_back(*change.input);
      wantsProduct = change.input->norm && parameters.find(change.input->norm)->second.hasBias();
    }
    if (change.output)
      dims.push_back(*change.output);
    jobOfChange.push_back(getJob(change.op.chain.source, dims, wantsProduct));
  }
  for (const ConstantChange &constant : constants)
    jobOfConstant.push_back(getJob(constant.operand->get().getDefiningOp<WeightSourceOpInterface>(),
                                   constant.change,
                                   /*wantsProduct=*/false));
  noteUntied();
  if (failed(
          failableParallelForEach(module.getContext(), jobs, [&](Job &job) { return run(job); })))
    return failure();

  for (auto [entry, index] : llvm::zip(ordered, jobOfChange)) {
    WeightChange &change = *entry;
    OpBuilder builder(change.op.op);
    Value value = getResult(builder, jobs[index]);
    if (ArrayRef<int64_t> permutation = change.op.chain.permutation; !permutation.empty()) {
      auto type = cast<RankedTensorType>(value.getType());
      type = type.clone(applyPermutation(type.getShape(), permutation));
      value = TransposeOp::create(builder, change.op.op->getLoc(), type, value, permutation);
    }
    change.op.operand->set(value);
    if (failed(applyBias(change, jobs[index])))
      return failure();
  }
  for (auto [constant, index] : llvm::zip(constants, jobOfConstant)) {
    OpBuilder builder(constant.operand->getOwner());
    constant.operand->set(getResult(builder, jobs[index]));
  }
  for (const auto &[norm, slice] : norms)
    if (failed(applyNorm(norm, slice)))
      return failure();
  return success();
}
