//===- ProtoReader.cpp - zero-copy reader of ONNX files --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiled with exceptions: protozero reports broken wire data by throwing. No
// exception leaves this file.
//
// Repeated singular messages merge, repeated scalars take the last value, unknown
// fields are skipped, groups and a known field of a wrong wire type are errors.
//
//===----------------------------------------------------------------------===//

#include <stdexcept>

namespace {
/// A violated rule of the wire format; also replaces protozero's assertions.
struct ProtoError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
} // namespace

#define protozero_assert(x) ((x) ? (void)0 : throw ProtoError("wrong wire type for this field"))

#include "compress/Target/ONNX/ProtoReader.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <protozero/pbf_reader.hpp>

using namespace mlir::compress::onnx;
using llvm::StringRef;
using llvm::Twine;
using protozero::pbf_reader;
using protozero::pbf_wire_type;

namespace {

/// Most bytes that the decoded structs of a file of `size` bytes may take. Real
/// models need far less than 32 times their size (the smallest useful attribute
/// takes 13 bytes and a struct of 330); for hostile ones of some MB the sum stays
/// below 512 MB.
uint64_t getMemoryLimit(uint64_t size) {
  constexpr uint64_t mib = 1 << 20;
  return std::min(64 * mib + 32 * size, std::max(448 * mib, 16 * size));
}

class Reader {
public:
  explicit Reader(StringRef file) : position(file.data()), limit(getMemoryLimit(file.size())) {}

  void read(pbf_reader r, ModelProto &m);
  void read(pbf_reader r, TensorProto &m);
  void read(pbf_reader r, AttributeProto &m);

  /// Start of the field that was read last, and the message it belongs to.
  const char *position;
  const char *message = "file";

private:
  void read(pbf_reader r, GraphProto &m);
  void read(pbf_reader r, NodeProto &m);
  void read(pbf_reader r, FunctionProto &m);
  void read(pbf_reader r, ValueInfoProto &m);
  void read(pbf_reader r, TypeProto &m);
  void readTypeAlternative(pbf_reader r, TypeProto &m);
  void read(pbf_reader r, TensorShapeProto &m);
  void read(pbf_reader r, Dimension &m);
  void read(pbf_reader r, SparseTensorProto &m);
  void read(pbf_reader r, TensorAnnotation &m);
  void read(pbf_reader r, StringStringEntry &m);
  void read(pbf_reader r, OperatorSetId &m);
  void readTyped(pbf_reader &r, const char *start, TensorProto &m);

  /// One level of message nesting, and the name of the message for errors.
  struct Level {
    Level(Reader &reader, const char *name) : reader(reader), outer(reader.message) {
      reader.message = name;
      if (++reader.depth > maxMessageDepth)
        throw ProtoError("messages are nested more than " + std::to_string(maxMessageDepth) +
                         " deep");
    }
    ~Level() {
      --reader.depth;
      // After an exception the innermost name is the one to report.
      if (std::uncaught_exceptions() == 0)
        reader.message = outer;
    }
    Reader &reader;
    const char *outer;
  };

  bool next(pbf_reader &r) {
    position = r.data().data();
    return r.next();
  }

  static StringRef view(pbf_reader &r) {
    protozero::data_view v = r.get_view();
    // An empty view is still present: never a null pointer.
    return v.size() == 0 ? StringRef(v.data() ? v.data() : "", 0) : StringRef(v.data(), v.size());
  }

  void charge(uint64_t bytes) {
    used += bytes;
    if (used > limit)
      throw ProtoError("the structure of the model takes more than " + std::to_string(limit) +
                       " bytes of memory");
  }

  /// A new last element, accounted for.
  template <typename T>
  T &append(std::vector<T> &v) {
    if (v.size() == v.capacity()) {
      size_t old = v.capacity(), grown = old ? 2 * old : 1;
      charge(grown * sizeof(T));
      v.reserve(grown);
      used -= old * sizeof(T);
    }
    return v.emplace_back();
  }

  void append(pbf_reader &r, std::vector<StringRef> &v) { append(v) = view(r); }

  template <typename T>
  T &create(Box<T> &box) {
    if (!box)
      charge(sizeof(T));
    return box.getOrCreate();
  }

  void readInts(pbf_reader &r, std::vector<int64_t> &v) {
    if (r.wire_type() != pbf_wire_type::length_delimited) {
      append(v) = r.get_int64();
      return;
    }
    for (int64_t x : r.get_packed_int64())
      append(v) = x;
  }

  void readFloats(pbf_reader &r, std::vector<float> &v) {
    if (r.wire_type() != pbf_wire_type::length_delimited) {
      append(v) = r.get_float();
      return;
    }
    for (float x : r.get_packed_float())
      append(v) = x;
  }

  uint64_t limit;
  uint64_t used = 0;
  unsigned depth = 0;
};

} // namespace

void Reader::read(pbf_reader r, ModelProto &m) {
  Level level(*this, "ModelProto");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      m.irVersion = r.get_int64();
      break;
    case 2:
      m.producerName = view(r);
      break;
    case 3:
      m.producerVersion = view(r);
      break;
    case 4:
      m.domain = view(r);
      break;
    case 5:
      m.modelVersion = r.get_int64();
      break;
    case 6:
      m.docString = view(r);
      break;
    case 7:
      read(r.get_message(), create(m.graph));
      break;
    case 8:
      read(r.get_message(), append(m.opsetImport));
      break;
    case 14:
      read(r.get_message(), append(m.metadataProps));
      break;
    case 20:
      append(r, m.trainingInfo);
      break;
    case 25:
      read(r.get_message(), append(m.functions));
      break;
    case 26:
      append(r, m.configuration);
      break;
    default:
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, GraphProto &m) {
  Level level(*this, "GraphProto");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      read(r.get_message(), append(m.node));
      break;
    case 2:
      m.name = view(r);
      break;
    case 5:
      read(r.get_message(), append(m.initializer));
      break;
    case 10:
      m.docString = view(r);
      break;
    case 11:
      read(r.get_message(), append(m.input));
      break;
    case 12:
      read(r.get_message(), append(m.output));
      break;
    case 13:
      read(r.get_message(), append(m.valueInfo));
      break;
    case 14:
      read(r.get_message(), append(m.quantizationAnnotation));
      break;
    case 15:
      read(r.get_message(), append(m.sparseInitializer));
      break;
    case 16:
      read(r.get_message(), append(m.metadataProps));
      break;
    default:
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, NodeProto &m) {
  Level level(*this, "NodeProto");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      append(r, m.input);
      break;
    case 2:
      append(r, m.output);
      break;
    case 3:
      m.name = view(r);
      break;
    case 4:
      m.opType = view(r);
      break;
    case 5:
      read(r.get_message(), append(m.attribute));
      break;
    case 6:
      m.docString = view(r);
      break;
    case 7:
      m.domain = view(r);
      break;
    case 8:
      m.overload = view(r);
      break;
    case 9:
      read(r.get_message(), append(m.metadataProps));
      break;
    case 10:
      append(r, m.deviceConfigurations);
      break;
    default:
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, AttributeProto &m) {
  Level level(*this, "AttributeProto");
  m.raw = r.data().size() ? StringRef(r.data().data(), r.data().size()) : StringRef("", 0);
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      m.name = view(r);
      break;
    case 2:
      m.f = r.get_float();
      break;
    case 3:
      m.i = r.get_int64();
      break;
    case 4:
      m.s = view(r);
      break;
    case 5:
      read(r.get_message(), create(m.t));
      break;
    case 6:
      read(r.get_message(), create(m.g));
      break;
    case 7:
      readFloats(r, m.floats);
      break;
    case 8:
      readInts(r, m.ints);
      break;
    case 9:
      append(r, m.strings);
      break;
    case 10:
      read(r.get_message(), append(m.tensors));
      break;
    case 11:
      read(r.get_message(), append(m.graphs));
      break;
    case 13:
      m.docString = view(r);
      break;
    case 14:
      read(r.get_message(), create(m.tp));
      break;
    case 15:
      read(r.get_message(), append(m.typeProtos));
      break;
    case 20:
      m.type = r.get_int32();
      break;
    case 21:
      m.refAttrName = view(r);
      break;
    case 22:
      read(r.get_message(), create(m.sparseTensor));
      break;
    case 23:
      read(r.get_message(), append(m.sparseTensors));
      break;
    default:
      r.skip();
    }
  }
}

void Reader::readTyped(pbf_reader &r, const char *start, TensorProto &m) {
  auto field = static_cast<uint8_t>(r.tag());
  if (r.wire_type() == pbf_wire_type::length_delimited) {
    append(m.typedData) = {field, /*packed=*/true, view(r)};
    return;
  }
  pbf_wire_type expected = field == 4    ? pbf_wire_type::fixed32
                           : field == 10 ? pbf_wire_type::fixed64
                                         : pbf_wire_type::varint;
  protozero_assert(r.wire_type() == expected);
  r.skip();
  const char *end = r.data().data();
  if (!m.typedData.empty()) {
    TypedChunk &last = m.typedData.back();
    if (last.field == field && !last.packed && last.bytes.end() == start) {
      last.bytes = StringRef(last.bytes.data(), end - last.bytes.data());
      return;
    }
  }
  append(m.typedData) = {field, /*packed=*/false, StringRef(start, end - start)};
}

void Reader::read(pbf_reader r, TensorProto &m) {
  Level level(*this, "TensorProto");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      readInts(r, m.dims);
      break;
    case 2:
      m.dataType = r.get_int32();
      break;
    case 3:
      m.segment = view(r);
      break;
    case 4:
    case 5:
    case 7:
    case 10:
    case 11:
      readTyped(r, position, m);
      break;
    case 6:
      append(r, m.stringData);
      break;
    case 8:
      m.name = view(r);
      break;
    case 9:
      m.rawData = view(r);
      break;
    case 12:
      m.docString = view(r);
      break;
    case 13:
      read(r.get_message(), append(m.externalData));
      break;
    case 14:
      m.dataLocation = r.get_int32();
      break;
    case 16:
      read(r.get_message(), append(m.metadataProps));
      break;
    default:
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, FunctionProto &m) {
  Level level(*this, "FunctionProto");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      m.name = view(r);
      break;
    case 4:
      append(r, m.input);
      break;
    case 5:
      append(r, m.output);
      break;
    case 6:
      append(r, m.attribute);
      break;
    case 7:
      read(r.get_message(), append(m.node));
      break;
    case 8:
      m.docString = view(r);
      break;
    case 9:
      read(r.get_message(), append(m.opsetImport));
      break;
    case 10:
      m.domain = view(r);
      break;
    case 11:
      read(r.get_message(), append(m.attributeProto));
      break;
    case 12:
      read(r.get_message(), append(m.valueInfo));
      break;
    case 13:
      m.overload = view(r);
      break;
    case 14:
      read(r.get_message(), append(m.metadataProps));
      break;
    default:
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, ValueInfoProto &m) {
  Level level(*this, "ValueInfoProto");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      m.name = view(r);
      break;
    case 2:
      read(r.get_message(), create(m.type));
      break;
    case 3:
      m.docString = view(r);
      break;
    case 4:
      read(r.get_message(), append(m.metadataProps));
      break;
    default:
      r.skip();
    }
  }
}

/// The alternative of TypeProto's `oneof` that field `tag` selects.
static TypeProto::Kind getTypeKind(uint32_t tag) {
  switch (tag) {
  case 1:
    return TypeProto::Kind::Tensor;
  case 4:
    return TypeProto::Kind::Sequence;
  case 5:
    return TypeProto::Kind::Map;
  case 7:
    return TypeProto::Kind::Opaque;
  case 8:
    return TypeProto::Kind::SparseTensor;
  case 9:
    return TypeProto::Kind::Optional;
  default:
    return TypeProto::Kind::None;
  }
}

void Reader::read(pbf_reader r, TypeProto &m) {
  Level level(*this, "TypeProto");
  while (next(r)) {
    TypeProto::Kind kind = getTypeKind(r.tag());
    if (kind == TypeProto::Kind::None) {
      if (r.tag() == 6)
        m.denotation = view(r);
      else
        r.skip();
      continue;
    }
    // Another alternative replaces, the same one merges.
    if (kind != m.kind) {
      StringRef denotation = m.denotation;
      m = TypeProto();
      m.denotation = denotation;
      m.kind = kind;
    }
    readTypeAlternative(r.get_message(), m);
  }
}

void Reader::readTypeAlternative(pbf_reader r, TypeProto &m) {
  using Kind = TypeProto::Kind;
  Level level(*this, "TypeProto alternative");
  bool isTensor = m.kind == Kind::Tensor || m.kind == Kind::SparseTensor;
  bool isContainer = m.kind == Kind::Sequence || m.kind == Kind::Optional;
  while (next(r)) {
    uint32_t tag = r.tag();
    if (tag == 1 && (isTensor || m.kind == Kind::Map)) {
      m.elemType = r.get_int32();
    } else if (tag == 2 && isTensor) {
      if (!m.shape)
        m.shape.emplace();
      read(r.get_message(), *m.shape);
    } else if ((tag == 1 && isContainer) || (tag == 2 && m.kind == Kind::Map)) {
      read(r.get_message(), create(m.element));
    } else if (tag == 1 && m.kind == Kind::Opaque) {
      m.opaqueDomain = view(r);
    } else if (tag == 2 && m.kind == Kind::Opaque) {
      m.opaqueName = view(r);
    } else {
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, TensorShapeProto &m) {
  Level level(*this, "TensorShapeProto");
  while (next(r)) {
    if (r.tag() == 1)
      read(r.get_message(), append(m.dims));
    else
      r.skip();
  }
}

void Reader::read(pbf_reader r, Dimension &m) {
  Level level(*this, "Dimension");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      m.value = r.get_int64();
      m.kind = Dimension::Kind::Value;
      m.param = StringRef();
      break;
    case 2:
      m.param = view(r);
      m.kind = Dimension::Kind::Param;
      m.value = 0;
      break;
    case 3:
      m.denotation = view(r);
      break;
    default:
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, SparseTensorProto &m) {
  Level level(*this, "SparseTensorProto");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      read(r.get_message(), create(m.values));
      break;
    case 2:
      read(r.get_message(), create(m.indices));
      break;
    case 3:
      readInts(r, m.dims);
      break;
    default:
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, TensorAnnotation &m) {
  Level level(*this, "TensorAnnotation");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      m.tensorName = view(r);
      break;
    case 2:
      read(r.get_message(), append(m.quantParameterTensorNames));
      break;
    default:
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, StringStringEntry &m) {
  Level level(*this, "StringStringEntryProto");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      m.key = view(r);
      break;
    case 2:
      m.value = view(r);
      break;
    default:
      r.skip();
    }
  }
}

void Reader::read(pbf_reader r, OperatorSetId &m) {
  Level level(*this, "OperatorSetIdProto");
  while (next(r)) {
    switch (r.tag()) {
    case 1:
      m.domain = view(r);
      break;
    case 2:
      m.version = r.get_int64();
      break;
    default:
      r.skip();
    }
  }
}

/// Decodes `bytes` as one message; the text of an error, or "". Nothing thrown
/// leaves this function.
template <typename Message>
static std::string decode(StringRef bytes, Message &message) noexcept {
  Reader reader(bytes);
  auto describe = [&](const char *what) {
    return "byte " + std::to_string(reader.position - bytes.data()) + " in " + reader.message +
           ": " + what;
  };
  try {
    reader.read(pbf_reader(bytes.data(), bytes.size()), message);
    return "";
  } catch (const protozero::end_of_buffer_exception &) {
    return describe("a field ends after the end of its message (truncated or broken length)");
  } catch (const protozero::varint_too_long_exception &) {
    return describe("a varint has more than 10 bytes");
  } catch (const protozero::invalid_tag_exception &) {
    return describe("invalid field tag");
  } catch (const protozero::unknown_pbf_wire_type_exception &) {
    return describe("unknown or unsupported wire type");
  } catch (const protozero::invalid_length_exception &) {
    return describe("length of a packed field is no multiple of the element size");
  } catch (const std::bad_alloc &) {
    return describe("out of memory");
  } catch (const std::exception &e) {
    return describe(e.what());
  } catch (...) {
    return describe("unknown error");
  }
}

static llvm::Error fail(const Twine &message) {
  return llvm::make_error<llvm::StringError>(message, llvm::inconvertibleErrorCode());
}

/// Largest file: protobuf lengths are 32-bit here.
static constexpr uint64_t maxFileSize = uint64_t(1) << 32;

std::optional<uint64_t> LoadedModel::getFileOffset(StringRef view) const {
  const char *begin = bytes.getBufferStart();
  if (std::less<>()(view.begin(), begin) || std::less<>()(bytes.getBufferEnd(), view.end()))
    return std::nullopt;
  return view.begin() - begin;
}

static llvm::Error decodeModel(LoadedModel &loaded) {
  StringRef name = loaded.bytes.getBufferIdentifier();
  uint64_t size = loaded.bytes.getBufferSize();
  if (size >= maxFileSize)
    return fail(quoteName(name) + ": the file has " + Twine(size) +
                " bytes, expected less than 4 GiB; use external data");
  if (size == 0)
    return fail(quoteName(name) + ": the file is empty, expected an ONNX model");
  std::string error = decode(loaded.bytes.getBuffer(), loaded.model);
  if (!error.empty())
    return fail(quoteName(name) + ": no valid ONNX model: " + error);
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<LoadedModel>>
mlir::compress::onnx::readModel(llvm::MemoryBufferRef bytes, StringRef folder) {
  auto loaded = std::make_unique<LoadedModel>();
  loaded->bytes = bytes;
  loaded->folder = folder.str();
  if (llvm::Error error = decodeModel(*loaded))
    return std::move(error);
  return loaded;
}

llvm::Expected<std::unique_ptr<LoadedModel>> mlir::compress::onnx::readModel(StringRef path) {
  llvm::sys::fs::file_status status;
  if (std::error_code ec = llvm::sys::fs::status(path, status))
    return fail("cannot open model " + quoteName(path) + ": " + ec.message());
  // Reading a device could take unbounded memory.
  if (!llvm::sys::fs::is_regular_file(status))
    return fail("cannot open model " + quoteName(path) + ": no regular file");
  if (status.getSize() >= maxFileSize)
    return fail(quoteName(path) + ": the file has " + Twine(status.getSize()) +
                " bytes, expected less than 4 GiB; use external data");
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fail("cannot open model " + quoteName(path) + ": " + buffer.getError().message());

  auto loaded = std::make_unique<LoadedModel>();
  loaded->buffer = std::move(*buffer);
  loaded->bytes = loaded->buffer->getMemBufferRef();
  loaded->folder = llvm::sys::path::parent_path(path).str();
  if (loaded->folder.empty())
    loaded->folder = ".";
  if (llvm::Error error = decodeModel(*loaded))
    return std::move(error);
  return loaded;
}

llvm::Expected<TensorProto> mlir::compress::onnx::readTensor(llvm::MemoryBufferRef bytes) {
  if (bytes.getBufferSize() >= maxFileSize)
    return fail(quoteName(bytes.getBufferIdentifier()) + ": expected less than 4 GiB");
  TensorProto tensor;
  std::string error = decode(bytes.getBuffer(), tensor);
  if (!error.empty())
    return fail(quoteName(bytes.getBufferIdentifier()) + ": no valid TensorProto: " + error);
  return tensor;
}

llvm::Expected<AttributeProto> mlir::compress::onnx::readAttribute(StringRef serialized) {
  if (serialized.size() >= maxFileSize)
    return fail("attribute of " + Twine(serialized.size()) + " bytes, expected less than 4 GiB");
  AttributeProto attribute;
  std::string error = decode(serialized, attribute);
  if (!error.empty())
    return fail("no valid AttributeProto: " + error);
  return attribute;
}
