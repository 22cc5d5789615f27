//===- ProtoWriter.cpp - streaming writer of ONNX messages -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProtoWriterImpl.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/LEB128.h"

using namespace mlir::compress::onnx;
using llvm::StringRef;
using llvm::Twine;

static llvm::Error fail(const Twine &message) {
  return llvm::make_error<llvm::StringError>(message, llvm::inconvertibleErrorCode());
}

namespace {

/// Visits a message in the order of its fields, first to add up lengths, then to
/// write. Both passes run the same code, so lengths and contents agree.
class Emitter {
public:
  explicit Emitter(const ExternalPlacements *placements) : placements(placements) {}

  /// First pass: computes the size of `message`.
  template <typename Message>
  llvm::Expected<uint64_t> measure(const Message &message) {
    os = nullptr;
    count = 0;
    emit(message);
    if (error)
      return fail(errorText);
    return count;
  }

  /// Second pass, after `measure` of the same message.
  template <typename Message>
  llvm::Error write(const Message &message, llvm::raw_ostream &stream) {
    os = &stream;
    cursor = 0;
    emit(message);
    if (error)
      return fail(errorText);
    return llvm::Error::success();
  }

private:
  void emit(const ModelProto &m);
  void emit(const GraphProto &m);
  void emit(const NodeProto &m);
  void emit(const AttributeProto &m);
  void emit(const TensorProto &m);
  void emit(const SparseTensorProto &m);
  void emit(const FunctionProto &m);
  void emit(const ValueInfoProto &m);
  void emit(const TypeProto &m);
  void emit(const TensorShapeProto &m);
  void emit(const Dimension &m);
  void emit(const TensorAnnotation &m);
  void emit(const StringStringEntry &m);
  void emit(const OperatorSetId &m);
  void emitTypeAlternative(const TypeProto &m);
  void emitTyped(unsigned field, const TensorProto &m);
  void emitContents(const TensorProto &m);
  void emitPlacement(const ExternalPlacement &placement);

  enum WireType : unsigned { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

  void setError(const Twine &message) {
    if (!error)
      errorText = message.str();
    error = true;
  }

  void varint(uint64_t value) {
    if (os)
      llvm::encodeULEB128(value, *os);
    else
      count += llvm::getULEB128Size(value);
  }
  void tag(unsigned field, WireType type) { varint(field << 3 | type); }
  void copy(StringRef bytes) {
    if (os)
      *os << bytes;
    else
      count += bytes.size();
  }

  void integer(unsigned field, int64_t value) {
    tag(field, Varint);
    varint(static_cast<uint64_t>(value));
  }
  template <typename Int>
  void integer(unsigned field, const std::optional<Int> &value) {
    if (value)
      integer(field, static_cast<int64_t>(*value));
  }
  void integers(unsigned field, const std::vector<int64_t> &values) {
    for (int64_t value : values)
      integer(field, value);
  }
  void real(unsigned field, float value) {
    char bytes[4];
    llvm::support::endian::write32le(bytes, llvm::bit_cast<uint32_t>(value));
    tag(field, Fixed32);
    copy(StringRef(bytes, 4));
  }
  /// A string that is always written.
  void bytes(unsigned field, StringRef value) {
    tag(field, Bytes);
    varint(value.size());
    copy(value);
  }
  void optional(unsigned field, StringRef value) {
    if (isPresent(value))
      bytes(field, value);
  }
  void strings(unsigned field, const std::vector<StringRef> &values) {
    for (StringRef value : values)
      bytes(field, value);
  }

  /// A nested message, its contents made by `contents`.
  template <typename Function>
  void nested(unsigned field, Function contents) {
    if (error)
      return;
    if (++depth >= maxMessageDepth)
      setError("messages are nested more than " + Twine(maxMessageDepth) + " deep");
    else if (os)
      writeNested(field, contents);
    else
      measureNested(field, contents);
    --depth;
  }
  template <typename Function>
  void measureNested(unsigned field, Function contents) {
    size_t slot = sizes.size();
    sizes.push_back(0);
    uint64_t before = count;
    count = 0;
    contents();
    sizes[slot] = count;
    count = before + sizes[slot];
    tag(field, Bytes);
    varint(sizes[slot]);
  }
  template <typename Function>
  void writeNested(unsigned field, Function contents) {
    if (cursor == sizes.size())
      return setError("the model changed while it was written");
    uint64_t size = sizes[cursor++];
    tag(field, Bytes);
    varint(size);
    uint64_t start = os->tell();
    contents();
    if (!error && os->tell() - start != size)
      setError("the model changed while it was written");
  }
  template <typename Message>
  void message(unsigned field, const Message &m) {
    nested(field, [&] { emit(m); });
  }
  template <typename Message>
  void message(unsigned field, const Box<Message> &m) {
    if (m)
      message(field, *m);
  }
  template <typename Message>
  void messages(unsigned field, const std::vector<Message> &ms) {
    for (const Message &m : ms)
      message(field, m);
  }

  /// Null in the first pass.
  llvm::raw_ostream *os = nullptr;
  const ExternalPlacements *placements;
  /// First pass: bytes of the current message so far.
  uint64_t count = 0;
  /// Sizes of all nested messages in the order they are visited.
  std::vector<uint64_t> sizes;
  size_t cursor = 0;
  unsigned depth = 0;
  bool error = false;
  std::string errorText;
};

} // namespace

void Emitter::emit(const ModelProto &m) {
  integer(1, m.irVersion);
  optional(2, m.producerName);
  optional(3, m.producerVersion);
  optional(4, m.domain);
  integer(5, m.modelVersion);
  optional(6, m.docString);
  message(7, m.graph);
  messages(8, m.opsetImport);
  messages(14, m.metadataProps);
  strings(20, m.trainingInfo);
  messages(25, m.functions);
  strings(26, m.configuration);
}

void Emitter::emit(const GraphProto &m) {
  messages(1, m.node);
  optional(2, m.name);
  messages(5, m.initializer);
  optional(10, m.docString);
  messages(11, m.input);
  messages(12, m.output);
  messages(13, m.valueInfo);
  messages(14, m.quantizationAnnotation);
  messages(15, m.sparseInitializer);
  messages(16, m.metadataProps);
}

void Emitter::emit(const NodeProto &m) {
  strings(1, m.input);
  strings(2, m.output);
  optional(3, m.name);
  optional(4, m.opType);
  messages(5, m.attribute);
  optional(6, m.docString);
  optional(7, m.domain);
  optional(8, m.overload);
  messages(9, m.metadataProps);
  strings(10, m.deviceConfigurations);
}

void Emitter::emit(const AttributeProto &m) {
  if (m.verbatim)
    return copy(m.raw);
  optional(1, m.name);
  if (m.f)
    real(2, *m.f);
  integer(3, m.i);
  optional(4, m.s);
  message(5, m.t);
  message(6, m.g);
  for (float value : m.floats)
    real(7, value);
  integers(8, m.ints);
  strings(9, m.strings);
  messages(10, m.tensors);
  messages(11, m.graphs);
  optional(13, m.docString);
  message(14, m.tp);
  messages(15, m.typeProtos);
  integer(20, m.type);
  optional(21, m.refAttrName);
  message(22, m.sparseTensor);
  messages(23, m.sparseTensors);
}

void Emitter::emitTyped(unsigned field, const TensorProto &m) {
  for (const TypedChunk &chunk : m.typedData) {
    if (chunk.field != field)
      continue;
    if (chunk.packed)
      bytes(field, chunk.bytes);
    else
      copy(chunk.bytes);
  }
}

void Emitter::emitContents(const TensorProto &m) {
  if (!m.producer)
    return optional(9, m.rawData);
  tag(9, Bytes);
  varint(m.producerSize);
  if (!os) {
    count += m.producerSize;
    return;
  }
  uint64_t start = os->tell();
  if (llvm::Error e = m.producer(*os))
    return setError("tensor " + quoteName(m.name) + ": " + llvm::toString(std::move(e)));
  if (os->tell() - start != m.producerSize)
    setError("tensor " + quoteName(m.name) + ": " + Twine(os->tell() - start) +
             " bytes were produced, expected " + Twine(m.producerSize));
}

void Emitter::emitPlacement(const ExternalPlacement &placement) {
  std::string offset = std::to_string(placement.offset), length = std::to_string(placement.length);
  message(13, StringStringEntry{"location", placement.location});
  message(13, StringStringEntry{"offset", offset});
  message(13, StringStringEntry{"length", length});
  integer(14, int64_t(1));
}

void Emitter::emit(const TensorProto &m) {
  const ExternalPlacement *placement = nullptr;
  if (placements) {
    auto it = placements->find(&m);
    placement = it == placements->end() ? nullptr : &it->second;
  }
  integers(1, m.dims);
  integer(2, m.dataType);
  optional(3, m.segment);
  emitTyped(4, m);
  emitTyped(5, m);
  strings(6, m.stringData);
  emitTyped(7, m);
  optional(8, m.name);
  if (!placement)
    emitContents(m);
  emitTyped(10, m);
  emitTyped(11, m);
  optional(12, m.docString);
  if (placement) {
    emitPlacement(*placement);
  } else {
    messages(13, m.externalData);
    integer(14, m.dataLocation);
  }
  messages(16, m.metadataProps);
}

void Emitter::emit(const SparseTensorProto &m) {
  message(1, m.values);
  message(2, m.indices);
  integers(3, m.dims);
}

void Emitter::emit(const FunctionProto &m) {
  optional(1, m.name);
  strings(4, m.input);
  strings(5, m.output);
  strings(6, m.attribute);
  messages(7, m.node);
  optional(8, m.docString);
  messages(9, m.opsetImport);
  optional(10, m.domain);
  messages(11, m.attributeProto);
  messages(12, m.valueInfo);
  optional(13, m.overload);
  messages(14, m.metadataProps);
}

void Emitter::emit(const ValueInfoProto &m) {
  optional(1, m.name);
  message(2, m.type);
  optional(3, m.docString);
  messages(4, m.metadataProps);
}

/// Number of the field of an alternative of TypeProto's `oneof`.
static unsigned getTypeField(TypeProto::Kind kind) {
  switch (kind) {
  case TypeProto::Kind::Tensor:
    return 1;
  case TypeProto::Kind::Sequence:
    return 4;
  case TypeProto::Kind::Map:
    return 5;
  case TypeProto::Kind::Opaque:
    return 7;
  case TypeProto::Kind::SparseTensor:
    return 8;
  case TypeProto::Kind::Optional:
    return 9;
  case TypeProto::Kind::None:
    break;
  }
  return 0;
}

void Emitter::emit(const TypeProto &m) {
  unsigned field = getTypeField(m.kind);
  // The denotation, field 6, comes between the alternatives.
  if (field != 0 && field < 6)
    nested(field, [&] { emitTypeAlternative(m); });
  optional(6, m.denotation);
  if (field > 6)
    nested(field, [&] { emitTypeAlternative(m); });
}

void Emitter::emitTypeAlternative(const TypeProto &m) {
  switch (m.kind) {
  case TypeProto::Kind::Tensor:
  case TypeProto::Kind::SparseTensor:
    integer(1, m.elemType);
    if (m.shape)
      message(2, *m.shape);
    break;
  case TypeProto::Kind::Sequence:
  case TypeProto::Kind::Optional:
    message(1, m.element);
    break;
  case TypeProto::Kind::Map:
    integer(1, m.elemType);
    message(2, m.element);
    break;
  case TypeProto::Kind::Opaque:
    optional(1, m.opaqueDomain);
    optional(2, m.opaqueName);
    break;
  case TypeProto::Kind::None:
    break;
  }
}

void Emitter::emit(const TensorShapeProto &m) { messages(1, m.dims); }

void Emitter::emit(const Dimension &m) {
  if (m.kind == Dimension::Kind::Value)
    integer(1, m.value);
  if (m.kind == Dimension::Kind::Param)
    bytes(2, m.param);
  optional(3, m.denotation);
}

void Emitter::emit(const TensorAnnotation &m) {
  optional(1, m.tensorName);
  messages(2, m.quantParameterTensorNames);
}

void Emitter::emit(const StringStringEntry &m) {
  optional(1, m.key);
  optional(2, m.value);
}

void Emitter::emit(const OperatorSetId &m) {
  optional(1, m.domain);
  integer(2, m.version);
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

static llvm::Error checkSize(uint64_t size) {
  if (size <= maxProtobufBytes)
    return llvm::Error::success();
  return fail("the model takes " + Twine(size) + " bytes, expected " + Twine(maxProtobufBytes) +
              " at most (a limit of protobuf); write its weights as external data");
}

template <typename Message>
static llvm::Error writeMessage(const Message &message, llvm::raw_ostream &os,
                                const ExternalPlacements *placements) {
  Emitter emitter(placements);
  llvm::Expected<uint64_t> size = emitter.measure(message);
  if (!size)
    return size.takeError();
  if (llvm::Error error = checkSize(*size))
    return error;
  return emitter.write(message, os);
}

llvm::Expected<uint64_t> mlir::compress::onnx::measureModel(const ModelProto &model,
                                                            const ExternalPlacements *placements) {
  return Emitter(placements).measure(model);
}

llvm::Error mlir::compress::onnx::writeModel(const ModelProto &model, llvm::raw_ostream &os,
                                             const ExternalPlacements *placements) {
  return writeMessage(model, os, placements);
}

llvm::Expected<uint64_t> mlir::compress::onnx::getModelSize(const ModelProto &model) {
  llvm::Expected<uint64_t> size = measureModel(model, nullptr);
  if (!size)
    return size.takeError();
  if (llvm::Error error = checkSize(*size))
    return std::move(error);
  return size;
}

llvm::Error mlir::compress::onnx::writeModel(const ModelProto &model, llvm::raw_ostream &os) {
  return writeMessage(model, os, nullptr);
}

llvm::Error mlir::compress::onnx::writeTensor(const TensorProto &tensor, llvm::raw_ostream &os) {
  return writeMessage(tensor, os, nullptr);
}

llvm::Expected<std::string>
mlir::compress::onnx::serializeAttribute(const AttributeProto &attribute) {
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  if (llvm::Error error = writeMessage(attribute, os, nullptr))
    return std::move(error);
  return bytes;
}
