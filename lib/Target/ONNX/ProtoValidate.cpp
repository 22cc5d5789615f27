//===- ProtoValidate.cpp - semantic rules of ONNX models -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Recursion here follows the nesting of messages, which the reader limits; chains
// of function calls, which it does not, are walked with an explicit stack.
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/ExternalData.h"
#include "compress/Target/ONNX/OpSchemas.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::compress::onnx;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

static Error fail(const Twine &message) {
  return llvm::make_error<llvm::StringError>(message, llvm::inconvertibleErrorCode());
}

/// Puts `where: ` before the text of an error.
static Error inContext(const Twine &where, Error error) {
  if (!error)
    return error;
  return fail(where + ": " + llvm::toString(std::move(error)));
}

static std::string describe(const NodeProto &node) {
  std::string text = "node ";
  if (!node.name.empty())
    text += quoteName(node.name) + " ";
  return text + "(" + (node.opType.empty() ? "no op_type" : quoteName(node.opType)) + ")";
}

namespace {

/// Domain to version; the domain "ai.onnx" is "".
using OpsetMap = llvm::StringMap<int64_t>;

/// Values that nodes can read, in a graph and the graphs around it.
class Scope {
public:
  /// Makes `name` visible; false if it is visible already.
  bool define(StringRef name) {
    if (!level.try_emplace(name, depth).second)
      return false;
    names.push_back(name);
    return true;
  }
  bool isVisible(StringRef name) const { return level.contains(name); }
  bool isInInnermost(StringRef name) const {
    auto it = level.find(name);
    return it != level.end() && it->second == depth;
  }
  void enter() {
    ++depth;
    starts.push_back(names.size());
  }
  void leave() {
    for (size_t end = starts.pop_back_val(); names.size() > end;)
      level.erase(names.pop_back_val());
    --depth;
  }

private:
  llvm::DenseMap<StringRef, unsigned> level;
  llvm::SmallVector<StringRef> names;
  llvm::SmallVector<size_t> starts;
  unsigned depth = 0;
};

class Validator {
public:
  Validator(const ModelProto &model, const ValidateOptions &options)
      : model(model), options(options), irVersion(model.irVersion.value_or(0)) {}
  Error run();

private:
  Error checkHeader();
  Error readOpsets(ArrayRef<OperatorSetId> imports, OpsetMap &opsets);
  Error collectFunctions();
  Error checkFunctionCalls();
  Error countCalls(const FunctionProto *root,
                   llvm::DenseMap<const FunctionProto *, uint64_t> &expanded);
  Error checkFunction(const FunctionProto &function);
  Error checkGraph(const GraphProto &graph, Scope &scope, bool isMain);
  Error checkInitializers(const GraphProto &graph, Scope &scope);
  Error checkSparse(const SparseTensorProto &sparse, StringRef where);
  Error checkNodes(ArrayRef<NodeProto> nodes, Scope &scope);
  Error checkNode(const NodeProto &node);
  Error checkOperator(const NodeProto &node);
  Error checkBranches(const NodeProto &node);
  Error checkAttribute(const AttributeProto &attribute);
  Error checkTensor(const TensorProto &tensor);
  Error checkValueInfo(const ValueInfoProto &info);
  Error checkType(const TypeProto &type);
  void checkMetadata(ArrayRef<StringStringEntry> entries, const Twine &where);

  /// The function that a node calls, or null.
  const FunctionProto *getCallee(const NodeProto &node) const {
    auto it = functions.find(getKey(node.domain, node.opType, node.overload));
    return it == functions.end() ? nullptr : it->second;
  }
  static std::string getKey(StringRef domain, StringRef name, StringRef overload) {
    // Lengths keep keys apart whatever bytes the names have.
    return (normalizeDomain(domain) + Twine('\0') + Twine(name.size()) + ":" + name + overload)
        .str();
  }
  void warn(const Twine &message) { addWarning(options.warnings, message); }

  const ModelProto &model;
  const ValidateOptions &options;
  int64_t irVersion;
  llvm::StringMap<const FunctionProto *> functions;
  llvm::StringMap<bool> functionDomains;
  /// Opsets and enclosing function of the nodes that are being checked.
  OpsetMap modelOpsets;
  const OpsetMap *opsets = nullptr;
  const FunctionProto *function = nullptr;
};

} // namespace

Error Validator::run() {
  if (Error error = checkHeader())
    return error;
  if (Error error = readOpsets(model.opsetImport, modelOpsets))
    return error;
  checkMetadata(model.metadataProps, "model");
  if (!model.trainingInfo.empty())
    warn("the model has training_info, which is not interpreted");
  if (Error error = collectFunctions())
    return error;
  opsets = &modelOpsets;
  Scope scope;
  if (Error error = checkGraph(*model.graph, scope, /*isMain=*/true))
    return error;
  for (const FunctionProto &f : model.functions)
    if (Error error = checkFunction(f))
      return inContext("function " + quoteName(f.name), std::move(error));
  return checkFunctionCalls();
}

Error Validator::checkHeader() {
  if (!model.irVersion)
    return fail("field ir_version is missing");
  if (irVersion < 1 || irVersion > maxIrVersion)
    return fail("ir_version is " + Twine(irVersion) + ", expected 1 to " + Twine(maxIrVersion));
  if (!model.graph)
    return fail("field graph is missing");
  if (model.opsetImport.empty())
    return fail("field opset_import is missing, expected a version of each operator domain");
  return Error::success();
}

Error Validator::readOpsets(ArrayRef<OperatorSetId> imports, OpsetMap &result) {
  for (const OperatorSetId &import : imports) {
    StringRef domain = normalizeDomain(import.domain);
    int64_t version = import.version.value_or(0);
    int64_t most = domain.empty() ? maxOpset : INT32_MAX;
    if (version < 1 || version > most)
      return fail("opset_import of domain " + quoteName(domain) + " has version " + Twine(version) +
                  ", expected 1 to " + Twine(most));
    if (!result.try_emplace(domain, version).second)
      return fail("opset_import has domain " + quoteName(domain) +
                  " twice ('' and 'ai.onnx' are the same)");
  }
  return Error::success();
}

void Validator::checkMetadata(ArrayRef<StringStringEntry> entries, const Twine &where) {
  if (entries.size() < 2)
    return;
  llvm::DenseSet<StringRef> keys;
  for (const StringStringEntry &entry : entries)
    if (!keys.insert(entry.key).second)
      warn(where + ": metadata_props has key " + quoteName(entry.key) + " twice");
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

Error Validator::collectFunctions() {
  for (const FunctionProto &f : model.functions) {
    if (f.name.empty())
      return fail("a function has no name");
    if (!functions.try_emplace(getKey(f.domain, f.name, f.overload), &f).second)
      return fail("function " + quoteName(f.name) + " of domain " + quoteName(f.domain) +
                  " is defined twice");
    functionDomains[normalizeDomain(f.domain)] = true;
  }
  return Error::success();
}

/// Calls `fn` on every node of `nodes` and of their subgraphs.
static void walkNodes(ArrayRef<NodeProto> nodes, llvm::function_ref<void(const NodeProto &)> fn) {
  for (const NodeProto &node : nodes) {
    fn(node);
    for (const AttributeProto &attribute : node.attribute)
      forEachSubgraph(attribute, [&](const GraphProto &graph) { walkNodes(graph.node, fn); });
  }
}

/// Fills `expanded` with the number of nodes of `root`, and of all functions it
/// calls, after inlining. Error on recursion.
Error Validator::countCalls(const FunctionProto *root,
                            llvm::DenseMap<const FunctionProto *, uint64_t> &expanded) {
  struct Frame {
    const FunctionProto *function;
    llvm::SmallVector<const FunctionProto *, 0> callees;
    size_t next = 0;
    uint64_t nodes = 0;
  };
  std::vector<Frame> stack;
  llvm::DenseSet<const FunctionProto *> active;
  auto push = [&](const FunctionProto *f) {
    Frame frame{f, {}};
    walkNodes(f->node, [&](const NodeProto &node) {
      if (const FunctionProto *callee = getCallee(node))
        frame.callees.push_back(callee);
      else
        ++frame.nodes;
    });
    active.insert(f);
    stack.push_back(std::move(frame));
  };
  push(root);
  while (!stack.empty()) {
    Frame &top = stack.back();
    if (top.next == top.callees.size()) {
      active.erase(top.function);
      expanded[top.function] = top.nodes;
      stack.pop_back();
      continue;
    }
    const FunctionProto *callee = top.callees[top.next];
    auto known = expanded.find(callee);
    if (known != expanded.end()) {
      top.nodes = llvm::SaturatingAdd(top.nodes, known->second);
      ++top.next;
      continue;
    }
    if (active.contains(callee))
      return fail("function " + quoteName(callee->name) + " calls itself, directly or through " +
                  quoteName(top.function->name) + "; recursion is not allowed");
    push(callee);
  }
  return Error::success();
}

Error Validator::checkFunctionCalls() {
  if (functions.empty())
    return Error::success();
  llvm::DenseMap<const FunctionProto *, uint64_t> expanded;
  for (const FunctionProto &f : model.functions)
    if (!expanded.contains(&f))
      if (Error error = countCalls(&f, expanded))
        return error;
  uint64_t total = 0;
  walkNodes(model.graph->node, [&](const NodeProto &node) {
    const FunctionProto *callee = getCallee(node);
    total = llvm::SaturatingAdd(total, callee ? expanded.lookup(callee) : uint64_t(1));
  });
  if (total > options.maxExpandedNodes)
    return fail("the graph has " + Twine(total) + " nodes after inlining its functions, expected " +
                Twine(options.maxExpandedNodes) + " at most");
  return Error::success();
}

Error Validator::checkFunction(const FunctionProto &f) {
  OpsetMap functionOpsets;
  if (Error error = readOpsets(f.opsetImport, functionOpsets))
    return error;
  llvm::DenseSet<StringRef> attributes;
  for (StringRef name : f.attribute)
    if (!attributes.insert(name).second)
      return fail("attribute " + quoteName(name) + " is declared twice");
  opsets = &functionOpsets;
  function = nullptr; // Defaults are no references themselves.
  for (const AttributeProto &attribute : f.attributeProto) {
    if (!attributes.insert(attribute.name).second)
      return fail("attribute " + quoteName(attribute.name) + " is declared twice");
    if (Error error = checkAttribute(attribute))
      return error;
  }
  function = &f;
  checkMetadata(f.metadataProps, "function " + quoteName(f.name));
  for (const ValueInfoProto &info : f.valueInfo)
    if (Error error = checkValueInfo(info))
      return error;

  Scope scope;
  scope.enter();
  for (StringRef input : f.input)
    if (input.empty() || !scope.define(input))
      return fail("input " + quoteName(input) +
                  (input.empty() ? " has no name" : " appears twice"));
  if (Error error = checkNodes(f.node, scope))
    return error;
  for (StringRef output : f.output)
    if (!scope.isVisible(output))
      return fail("output " + quoteName(output) + " is not produced by the function");
  function = nullptr;
  opsets = &modelOpsets;
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

Error Validator::checkTensor(const TensorProto &tensor) {
  if (Error error = validateTensor(tensor, options.warnings))
    return error;
  if (!tensor.isExternal() || options.folder.empty())
    return Error::success();
  return resolveExternalData(tensor, options.folder, options.allowOutsideLinks).takeError();
}

Error Validator::checkType(const TypeProto &type) {
  if (type.shape)
    for (auto [axis, dim] : llvm::enumerate(type.shape->dims))
      if (dim.kind == Dimension::Kind::Value && dim.value < 0)
        return fail("dim_value of axis " + Twine(axis) + " is " + Twine(dim.value) +
                    ", expected 0 or more");
  int32_t id = type.elemType.value_or(0);
  if (id != 0 && !getElementBits(id))
    return fail("elem_type is " + Twine(id) + ", expected a known element type");
  return type.element ? checkType(*type.element) : Error::success();
}

Error Validator::checkValueInfo(const ValueInfoProto &info) {
  checkMetadata(info.metadataProps, "value " + quoteName(info.name));
  if (!info.type)
    return Error::success();
  return inContext("type of value " + quoteName(info.name), checkType(*info.type));
}

/// Checks that the sorted COO `indices` of `sparse` lie within its dims.
static Error checkSparseIndices(const SparseTensorProto &sparse, uint64_t numDense) {
  const TensorProto &indices = *sparse.indices;
  uint64_t nnz = sparse.values->dims.empty() ? 0 : sparse.values->dims[0];
  size_t rank = sparse.dims.size();
  bool isLinear = indices.dims.size() == 1;
  bool shapeOk = indices.dataType == ET_Int64 && !indices.dims.empty() &&
                 indices.dims.size() <= 2 && uint64_t(indices.dims[0]) == nnz &&
                 (isLinear || uint64_t(indices.dims[1]) == rank);
  if (!shapeOk)
    return fail("indices must be INT64 of shape [" + Twine(nnz) + "] or [" + Twine(nnz) + ", " +
                Twine(rank) + "]");
  if (indices.isExternal())
    return fail("indices in external data are not supported");
  llvm::Expected<TensorBytes> bytes = getTensorBytes(indices);
  if (!bytes)
    return bytes.takeError();
  const char *data = bytes->bytes.data();
  uint64_t previous = 0;
  for (uint64_t i = 0; i < nnz; ++i) {
    uint64_t linear = 0;
    for (size_t axis = 0, n = isLinear ? 1 : rank; axis < n; ++axis, data += 8) {
      auto index = static_cast<int64_t>(llvm::support::endian::read64le(data));
      uint64_t size = isLinear ? numDense : sparse.dims[axis];
      if (index < 0 || uint64_t(index) >= size)
        return fail("index " + Twine(i) + " is " + Twine(index) + ", expected 0 to less than " +
                    Twine(size));
      linear = linear * size + index;
    }
    if (i > 0 && linear <= previous)
      return fail("indices are not sorted or appear twice at entry " + Twine(i));
    previous = linear;
  }
  return Error::success();
}

Error Validator::checkSparse(const SparseTensorProto &sparse, StringRef where) {
  if (!sparse.values || !sparse.indices)
    return fail(where + ": a sparse tensor needs values and indices");
  std::string context = (where + " " + quoteName(sparse.values->name)).str();
  for (const TensorProto *tensor : {sparse.values.get(), sparse.indices.get()})
    if (Error error = checkTensor(*tensor))
      return inContext(context, std::move(error));
  if (sparse.values->dims.size() != 1)
    return fail(context + ": values has rank " + Twine(sparse.values->dims.size()) +
                ", expected 1");
  llvm::Expected<uint64_t> numDense = getNumElements(sparse.dims);
  if (!numDense)
    return inContext(context, numDense.takeError());
  // The dense form is made when the model runs: as large as one file may be.
  constexpr uint64_t mostBytes = uint64_t(1) << 31;
  if (*numDense > mostBytes ||
      *numDense * *getElementBits(*sparse.values->dataType) / 8 > mostBytes)
    return fail(context + ": its dense form has " + Twine(*numDense) +
                " elements, expected 2 GiB at most");
  return inContext(context, checkSparseIndices(sparse, *numDense));
}

Error Validator::checkInitializers(const GraphProto &graph, Scope &scope) {
  llvm::DenseSet<StringRef> names, inputs;
  for (const ValueInfoProto &input : graph.input)
    inputs.insert(input.name);
  auto define = [&](StringRef name) -> Error {
    if (name.empty())
      return fail("an initializer has no name");
    if (!names.insert(name).second)
      return fail("initializer " + quoteName(name) + " is defined twice");
    // An initializer may be the default of an input of the same name.
    if (!scope.define(name) && !inputs.contains(name))
      return fail("initializer " + quoteName(name) + " hides a value of an outer graph");
    return Error::success();
  };
  for (const TensorProto &tensor : graph.initializer) {
    if (Error error = define(tensor.name))
      return error;
    if (Error error = checkTensor(tensor))
      return inContext("initializer", std::move(error));
  }
  for (const SparseTensorProto &sparse : graph.sparseInitializer) {
    if (Error error = checkSparse(sparse, "sparse_initializer"))
      return error;
    if (Error error = define(sparse.values->name))
      return error;
  }
  return Error::success();
}

Error Validator::checkGraph(const GraphProto &graph, Scope &scope, bool isMain) {
  scope.enter();
  checkMetadata(graph.metadataProps, "graph " + quoteName(graph.name));
  for (const ValueInfoProto &input : graph.input) {
    if (input.name.empty())
      return fail("an input of graph " + quoteName(graph.name) + " has no name");
    if (!scope.define(input.name))
      return fail("graph input " + quoteName(input.name) + " is defined twice or hides a value");
    if (isMain && (!input.type || input.type->kind == TypeProto::Kind::None))
      return fail("graph input " + quoteName(input.name) + " has no type");
    if (Error error = checkValueInfo(input))
      return error;
  }
  for (ArrayRef<ValueInfoProto> infos : {ArrayRef(graph.output), ArrayRef(graph.valueInfo)})
    for (const ValueInfoProto &info : infos)
      if (Error error = checkValueInfo(info))
        return error;
  if (Error error = checkInitializers(graph, scope))
    return error;
  if (Error error = checkNodes(graph.node, scope))
    return error;
  for (const ValueInfoProto &output : graph.output)
    if (!scope.isInInnermost(output.name))
      return fail("output " + quoteName(output.name) + " of graph " + quoteName(graph.name) +
                  " is not produced in this graph");
  scope.leave();
  return Error::success();
}

/// The error for an input that is not visible: names the later producer, if any.
static Error reportUndefined(ArrayRef<NodeProto> nodes, const NodeProto &node, StringRef input) {
  std::string message = describe(node) + ": input " + quoteName(input);
  for (const NodeProto &other : nodes)
    if (llvm::is_contained(other.output, input))
      return fail(message + " is used before " + describe(other) +
                  " produces it; nodes must be sorted and have no cycles");
  return fail(message + " is not defined");
}

Error Validator::checkNodes(ArrayRef<NodeProto> nodes, Scope &scope) {
  for (const NodeProto &node : nodes) {
    for (StringRef input : node.input)
      if (!input.empty() && !scope.isVisible(input))
        return reportUndefined(nodes, node, input);
    if (Error error = checkNode(node))
      return inContext(describe(node), std::move(error));
    Error inner = Error::success();
    for (const AttributeProto &attribute : node.attribute)
      forEachSubgraph(attribute, [&](const GraphProto &graph) {
        if (!inner)
          inner = inContext(describe(node) + ", graph " + quoteName(attribute.name),
                            checkGraph(graph, scope, /*isMain=*/false));
      });
    if (inner)
      return inner;
    for (StringRef output : node.output)
      if (!output.empty() && !scope.define(output))
        return fail(describe(node) + ": output " + quoteName(output) +
                    " is defined before, as an input, an initializer or by another node");
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

/// Operators of the default domain that ONNX never had or dropped, but runtimes
/// know; kept as they are.
static bool isExtraOperator(StringRef op) {
  static constexpr const char *names[] = {"Affine",
                                          "Crop",
                                          "DynamicSlice",
                                          "GRUUnit",
                                          "GivenTensorFill",
                                          "ImageScaler",
                                          "ParametricSoftplus",
                                          "Scale",
                                          "ScaledTanh",
                                          "SimplifiedLayerNormalization"};
  return llvm::is_contained(names, op);
}

/// Domains whose operators need not be functions of the model.
static bool isOperatorDomain(StringRef domain) {
  return domain.empty() || domain.starts_with("ai.onnx.") || domain.starts_with("com.microsoft") ||
         domain.starts_with("com.ms.");
}

/// Number of names without the empty ones at the end.
static uint64_t countNames(ArrayRef<StringRef> names) {
  while (!names.empty() && names.back().empty())
    names = names.drop_back();
  return names.size();
}

Error Validator::checkNode(const NodeProto &node) {
  if (node.opType.empty())
    return fail("field op_type is missing");
  checkMetadata(node.metadataProps, describe(node));
  llvm::DenseSet<StringRef> names;
  for (const AttributeProto &attribute : node.attribute) {
    if (!names.insert(attribute.name).second)
      return fail("attribute " + quoteName(attribute.name) + " appears twice");
    if (Error error = checkAttribute(attribute))
      return error;
  }
  StringRef domain = normalizeDomain(node.domain);
  if (!opsets->contains(domain))
    return fail("domain " + quoteName(domain) + " has no entry in opset_import" +
                (function ? " of the function" : ""));
  if (const FunctionProto *callee = getCallee(node)) {
    if (node.input.size() > callee->input.size() || node.output.size() > callee->output.size())
      return fail("has " + Twine(node.input.size()) + " inputs and " + Twine(node.output.size()) +
                  " outputs, the function it calls has " + Twine(callee->input.size()) + " and " +
                  Twine(callee->output.size()));
    return Error::success();
  }
  if (domain.empty())
    return checkOperator(node);
  if (functionDomains.contains(domain) && !isOperatorDomain(domain))
    return fail("calls a function that domain " + quoteName(domain) + " of the model lacks");
  return Error::success();
}

Error Validator::checkOperator(const NodeProto &node) {
  int64_t opset = opsets->lookup("");
  if (isExtraOperator(node.opType))
    return Error::success();
  const OpSchema *schema = lookupOp(node.opType, opset);
  if (!schema) {
    ArrayRef<OpSchema> versions = getOpVersions(node.opType);
    if (versions.empty())
      return fail("unknown operator of the default domain");
    return fail("operator exists from opset " + Twine(unsigned(versions[0].sinceVersion)) +
                ", the model has opset " + Twine(opset));
  }
  if (schema->deprecated)
    warn(describe(node) + ": operator is deprecated since opset " +
         Twine(unsigned(schema->sinceVersion)));

  uint64_t numOutputs = countNames(node.output);
  if (Error error = checkArity(*schema, countNames(node.input), numOutputs))
    return error;
  for (unsigned i = 0; i < schema->minOutputs; ++i)
    if (node.output[i].empty())
      return fail("output " + Twine(i) + " is required, but has no name");
  for (const AttributeProto &attribute : node.attribute) {
    std::optional<AttributeSchema> known = lookupAttribute(*schema, attribute.name);
    // Names with two underscores are internal to runtimes.
    if (!known && !attribute.name.starts_with("__"))
      return fail("unknown attribute " + quoteName(attribute.name));
    if (known && attribute.type && *attribute.type != known->type)
      return fail("attribute " + quoteName(attribute.name) + " has type " +
                  getAttributeTypeName(*attribute.type) + ", expected " +
                  getAttributeTypeName(known->type));
  }
  for (StringRef name : getRequiredAttributes(*schema))
    if (llvm::none_of(node.attribute, [&](const AttributeProto &a) { return a.name == name; }))
      return fail("attribute " + quoteName(name) + " is missing");
  return node.opType == "If" ? checkBranches(node) : Error::success();
}

Error Validator::checkBranches(const NodeProto &node) {
  for (const AttributeProto &attribute : node.attribute) {
    if (!attribute.g)
      continue;
    if (attribute.g->output.size() != node.output.size())
      return fail(quoteName(attribute.name) + " has " + Twine(attribute.g->output.size()) +
                  " outputs, expected " + Twine(node.output.size()) + " as the node");
    if (!attribute.g->input.empty())
      return fail(quoteName(attribute.name) + " has inputs, expected none");
  }
  return Error::success();
}

/// The types of the value fields that an attribute has.
static llvm::SmallVector<AttributeTypeId, 2> getValueTypes(const AttributeProto &a) {
  llvm::SmallVector<AttributeTypeId, 2> types;
  auto add = [&](bool present, AttributeTypeId type) {
    if (present)
      types.push_back(type);
  };
  add(a.f.has_value(), AT_Float);
  add(a.i.has_value(), AT_Int);
  add(isPresent(a.s), AT_String);
  add(bool(a.t), AT_Tensor);
  add(bool(a.g), AT_Graph);
  add(!a.floats.empty(), AT_Floats);
  add(!a.ints.empty(), AT_Ints);
  add(!a.strings.empty(), AT_Strings);
  add(!a.tensors.empty(), AT_Tensors);
  add(!a.graphs.empty(), AT_Graphs);
  add(bool(a.sparseTensor), AT_SparseTensor);
  add(!a.sparseTensors.empty(), AT_SparseTensors);
  add(bool(a.tp), AT_TypeProto);
  add(!a.typeProtos.empty(), AT_TypeProtos);
  return types;
}

Error Validator::checkAttribute(const AttributeProto &attribute) {
  std::string where = "attribute " + quoteName(attribute.name);
  if (attribute.name.empty())
    return fail("an attribute has no name");
  int32_t type = attribute.type.value_or(0);
  llvm::SmallVector<AttributeTypeId, 2> values = getValueTypes(attribute);
  if (type < AT_Undefined || type > AT_TypeProtos || (type == AT_Undefined && irVersion >= 2))
    return fail(where + ": type is " + Twine(type) + ", expected 1 to " + Twine(AT_TypeProtos));
  if (!attribute.refAttrName.empty()) {
    if (!function)
      return fail(where + ": ref_attr_name " + quoteName(attribute.refAttrName) +
                  " is allowed in functions only");
    if (!values.empty())
      return fail(where + ": has both ref_attr_name and a value");
    bool declared = llvm::is_contained(function->attribute, attribute.refAttrName) ||
                    llvm::any_of(function->attributeProto, [&](const AttributeProto &a) {
                      return a.name == attribute.refAttrName;
                    });
    if (!declared)
      return fail(where + ": ref_attr_name " + quoteName(attribute.refAttrName) +
                  " is no attribute of the function");
    return Error::success();
  }
  if (type == AT_Undefined) {
    if (values.size() != 1)
      return fail(where + ": has " + Twine(values.size()) + " values, expected one");
  } else {
    for (AttributeTypeId value : values)
      if (value != type)
        return fail(where + ": type is " + getAttributeTypeName(type) + ", but it has a value of " +
                    getAttributeTypeName(value));
    // Writers with proto3 rules leave out scalars that are zero; lists may be empty.
    bool isMessage =
        type == AT_Tensor || type == AT_Graph || type == AT_SparseTensor || type == AT_TypeProto;
    if (values.empty() && isMessage)
      return fail(where + ": type is " + getAttributeTypeName(type) + ", but the value is missing");
  }

  if (attribute.t)
    if (Error error = checkTensor(*attribute.t))
      return inContext(where, std::move(error));
  for (const TensorProto &tensor : attribute.tensors)
    if (Error error = checkTensor(tensor))
      return inContext(where, std::move(error));
  if (attribute.sparseTensor)
    if (Error error = checkSparse(*attribute.sparseTensor, where))
      return error;
  for (const SparseTensorProto &sparse : attribute.sparseTensors)
    if (Error error = checkSparse(sparse, where))
      return error;
  if (attribute.tp)
    if (Error error = checkType(*attribute.tp))
      return inContext(where, std::move(error));
  for (const TypeProto &typeProto : attribute.typeProtos)
    if (Error error = checkType(typeProto))
      return inContext(where, std::move(error));
  return Error::success();
}

Error mlir::compress::onnx::validateModel(const ModelProto &model, const ValidateOptions &options) {
  return Validator(model, options).run();
}
