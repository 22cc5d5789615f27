//===- Proto.h - ONNX messages as plain structs ----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The messages of onnx.proto (ONNX 1.22, IR version 14) as plain structs. They
// own no text and no tensor data: every `StringRef` points into the file that
// was read, or into memory that the one who builds a message keeps alive.
//
// Presence, which proto2 distinguishes from a default value: a `StringRef` whose
// `data()` is null is an absent field, one of size 0 with a pointer is present
// and empty; other scalars are `std::optional`.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_PROTO_H
#define COMPRESS_TARGET_ONNX_PROTO_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlir::compress::onnx {

using llvm::StringRef;

/// Newest versions that we read: IR version, and opset of the default domain.
constexpr int64_t maxIrVersion = 14;
constexpr int64_t maxOpset = 28;

/// Deepest nesting of messages that is read or written (protobuf stops at 100).
constexpr unsigned maxMessageDepth = 64;

/// `TensorProto.DataType`.
enum ElementTypeId : int32_t {
  ET_Undefined = 0,
  ET_Float = 1,
  ET_UInt8 = 2,
  ET_Int8 = 3,
  ET_UInt16 = 4,
  ET_Int16 = 5,
  ET_Int32 = 6,
  ET_Int64 = 7,
  ET_String = 8,
  ET_Bool = 9,
  ET_Float16 = 10,
  ET_Double = 11,
  ET_UInt32 = 12,
  ET_UInt64 = 13,
  ET_Complex64 = 14,
  ET_Complex128 = 15,
  ET_BFloat16 = 16,
  ET_Float8E4M3FN = 17,
  ET_Float8E4M3FNUZ = 18,
  ET_Float8E5M2 = 19,
  ET_Float8E5M2FNUZ = 20,
  ET_UInt4 = 21,
  ET_Int4 = 22,
  ET_Float4E2M1 = 23,
  ET_Float8E8M0 = 24,
  ET_UInt2 = 25,
  ET_Int2 = 26,
  ET_Float6E2M3 = 27,
  ET_Float6E3M2 = 28,
};

/// `AttributeProto.AttributeType`.
enum AttributeTypeId : int32_t {
  AT_Undefined = 0,
  AT_Float = 1,
  AT_Int = 2,
  AT_String = 3,
  AT_Tensor = 4,
  AT_Graph = 5,
  AT_Floats = 6,
  AT_Ints = 7,
  AT_Strings = 8,
  AT_Tensors = 9,
  AT_Graphs = 10,
  AT_SparseTensor = 11,
  AT_SparseTensors = 12,
  AT_TypeProto = 13,
  AT_TypeProtos = 14,
};

/// Name of a `TensorProto.DataType`, "FLOAT"; "unknown" for other ids.
StringRef getElementTypeName(int64_t dataType);

/// Bits of one stored element (8 for BOOL, 4 for INT4, 128 for COMPLEX128); 0 for
/// STRING; nothing for UNDEFINED and unknown ids.
std::optional<unsigned> getElementBits(int64_t dataType);

/// Name of an `AttributeProto.AttributeType`, "INTS"; "unknown" for other ids.
StringRef getAttributeTypeName(int64_t type);

/// A name of a hostile file as text for an error message: in single quotes,
/// unprintable bytes escaped, cut after 100 bytes.
std::string quoteName(StringRef name);

/// Appends to `warnings` (may be null) unless it is full: hostile files could repeat
/// a warning for every message.
void addWarning(std::vector<std::string> *warnings, const llvm::Twine &message);

/// True if an optional string or bytes field is present, maybe empty. Call it where
/// this namespace is visible: `llvm::isPresent` of a `StringRef` is always true.
inline bool isPresent(StringRef field) { return field.data() != nullptr; }

/// An optional value on the heap that is copied with its owner: holds messages
/// that contain themselves.
template <typename T>
class Box {
public:
  Box() = default;
  Box(T value) : value(std::make_unique<T>(std::move(value))) {}
  Box(const Box &other) : value(other.value ? std::make_unique<T>(*other.value) : nullptr) {}
  Box(Box &&) noexcept = default;
  Box &operator=(const Box &other) {
    if (this != &other)
      value = other.value ? std::make_unique<T>(*other.value) : nullptr;
    return *this;
  }
  Box &operator=(Box &&) noexcept = default;

  explicit operator bool() const { return value != nullptr; }
  T &operator*() { return *value; }
  const T &operator*() const { return *value; }
  T *operator->() { return value.get(); }
  const T *operator->() const { return value.get(); }
  T *get() { return value.get(); }
  const T *get() const { return value.get(); }
  void reset() { value.reset(); }
  /// The value, made empty first if there is none.
  T &getOrCreate() {
    if (!value)
      value = std::make_unique<T>();
    return *value;
  }

private:
  std::unique_ptr<T> value;
};

/// `StringStringEntryProto`.
struct StringStringEntry {
  StringRef key;
  StringRef value;
};

/// `OperatorSetIdProto`; an absent or empty domain and "ai.onnx" are the same.
struct OperatorSetId {
  StringRef domain;
  std::optional<int64_t> version;
};

/// `TensorShapeProto.Dimension`.
struct Dimension {
  enum class Kind : uint8_t { Unknown, Value, Param };
  Kind kind = Kind::Unknown;
  int64_t value = 0;
  StringRef param;
  StringRef denotation;
};

/// `TensorShapeProto`.
struct TensorShapeProto {
  std::vector<Dimension> dims;
};

/// `TypeProto` with the fields of all its alternatives.
struct TypeProto {
  enum class Kind : uint8_t { None, Tensor, Sequence, Map, Optional, SparseTensor, Opaque };
  Kind kind = Kind::None;
  /// Tensor and SparseTensor: `elem_type`; Map: `key_type`.
  std::optional<int32_t> elemType;
  /// Tensor and SparseTensor: absent means unknown rank.
  std::optional<TensorShapeProto> shape;
  /// Sequence and Optional: type of the elements; Map: type of the values.
  Box<TypeProto> element;
  /// Opaque.
  StringRef opaqueDomain, opaqueName;
  StringRef denotation;
};

/// `ValueInfoProto`.
struct ValueInfoProto {
  StringRef name;
  Box<TypeProto> type;
  StringRef docString;
  std::vector<StringStringEntry> metadataProps;
};

/// Serialized values of one typed data field (`float_data` 4, `int32_data` 5,
/// `int64_data` 7, `double_data` 10, `uint64_data` 11) as they stand in the file.
struct TypedChunk {
  uint8_t field = 0;
  /// True: `bytes` is the payload of a packed field. False: `bytes` is a run of
  /// (tag, value) pairs of this field.
  bool packed = true;
  StringRef bytes;
};

/// `TensorProto`.
struct TensorProto {
  std::vector<int64_t> dims;
  std::optional<int32_t> dataType;
  /// `segment` in serialized form; a tensor that has it is not supported.
  StringRef segment;
  StringRef name;
  /// Contents as stored (little-endian, sub-byte elements low bits first),
  /// unaligned. See `getTensorBytes` for contents in any form.
  StringRef rawData;
  /// The numeric typed fields in file order; decoded by `getTensorBytes`.
  std::vector<TypedChunk> typedData;
  std::vector<StringRef> stringData;
  StringRef docString;
  std::vector<StringStringEntry> externalData;
  /// 0 = in this message, 1 = EXTERNAL.
  std::optional<int32_t> dataLocation;
  std::vector<StringStringEntry> metadataProps;

  /// For writing only: if set, the contents of `rawData` are what this function
  /// writes, exactly `producerSize` bytes. It may be called once per written file.
  std::function<llvm::Error(llvm::raw_ostream &)> producer;
  uint64_t producerSize = 0;

  bool isExternal() const { return dataLocation == 1; }
};

/// `SparseTensorProto` (COO); the tensor's name is `values.name`.
struct SparseTensorProto {
  Box<TensorProto> values;
  Box<TensorProto> indices;
  std::vector<int64_t> dims;
};

/// `TensorAnnotation`.
struct TensorAnnotation {
  StringRef tensorName;
  std::vector<StringStringEntry> quantParameterTensorNames;
};

struct GraphProto;

/// `AttributeProto`.
struct AttributeProto {
  StringRef name;
  StringRef refAttrName;
  StringRef docString;
  /// An `AttributeTypeId`.
  std::optional<int32_t> type;
  std::optional<float> f;
  std::optional<int64_t> i;
  StringRef s;
  Box<TensorProto> t;
  Box<GraphProto> g;
  Box<SparseTensorProto> sparseTensor;
  Box<TypeProto> tp;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<StringRef> strings;
  std::vector<TensorProto> tensors;
  std::vector<GraphProto> graphs;
  std::vector<SparseTensorProto> sparseTensors;
  std::vector<TypeProto> typeProtos;

  /// The serialized message (without tag and length), set by the reader.
  StringRef raw;
  /// If true, the writer copies `raw` and looks at no other field.
  bool verbatim = false;

  /// An attribute that is written as these serialized bytes, unchanged.
  static AttributeProto fromRaw(StringRef serialized);
};

/// `NodeProto`.
struct NodeProto {
  std::vector<StringRef> input;
  std::vector<StringRef> output;
  StringRef name;
  StringRef opType;
  std::vector<AttributeProto> attribute;
  StringRef docString;
  StringRef domain;
  StringRef overload;
  std::vector<StringStringEntry> metadataProps;
  /// Serialized `NodeDeviceConfigurationProto`s, not interpreted.
  std::vector<StringRef> deviceConfigurations;
};

/// `GraphProto`.
struct GraphProto {
  std::vector<NodeProto> node;
  StringRef name;
  std::vector<TensorProto> initializer;
  StringRef docString;
  std::vector<ValueInfoProto> input;
  std::vector<ValueInfoProto> output;
  std::vector<ValueInfoProto> valueInfo;
  std::vector<TensorAnnotation> quantizationAnnotation;
  std::vector<SparseTensorProto> sparseInitializer;
  std::vector<StringStringEntry> metadataProps;
};

inline AttributeProto AttributeProto::fromRaw(StringRef serialized) {
  AttributeProto result;
  result.raw = serialized;
  result.verbatim = true;
  return result;
}

/// `FunctionProto`: a model-local function, keyed by (domain, name, overload).
struct FunctionProto {
  StringRef name;
  std::vector<StringRef> input;
  std::vector<StringRef> output;
  /// Names of attributes without a default.
  std::vector<StringRef> attribute;
  std::vector<NodeProto> node;
  StringRef docString;
  std::vector<OperatorSetId> opsetImport;
  StringRef domain;
  /// Attributes with a default.
  std::vector<AttributeProto> attributeProto;
  std::vector<ValueInfoProto> valueInfo;
  StringRef overload;
  std::vector<StringStringEntry> metadataProps;
};

/// `ModelProto`.
struct ModelProto {
  std::optional<int64_t> irVersion;
  StringRef producerName;
  StringRef producerVersion;
  StringRef domain;
  std::optional<int64_t> modelVersion;
  StringRef docString;
  Box<GraphProto> graph;
  std::vector<OperatorSetId> opsetImport;
  std::vector<StringStringEntry> metadataProps;
  /// Serialized `TrainingInfoProto`s, not interpreted.
  std::vector<StringRef> trainingInfo;
  std::vector<FunctionProto> functions;
  /// Serialized `DeviceConfigurationProto`s, not interpreted.
  std::vector<StringRef> configuration;
};

/// The domain under its short name: "" for "ai.onnx", otherwise unchanged.
inline StringRef normalizeDomain(StringRef domain) {
  return domain == "ai.onnx" ? StringRef("") : domain;
}

/// Calls `fn` on every graph that is a value of an attribute.
inline void forEachSubgraph(const AttributeProto &attribute,
                            llvm::function_ref<void(const GraphProto &)> fn) {
  if (attribute.g)
    fn(*attribute.g);
  for (const GraphProto &graph : attribute.graphs)
    fn(graph);
}

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_PROTO_H
