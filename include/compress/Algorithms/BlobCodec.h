//===- BlobCodec.h - lossless storage of compressed weights ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Bytes as in "Deep compression" (Han et al., ICLR 2016): elements of 1, 2 or 4 bytes with few
// distinct values become a table of the values and Huffman-coded indices into it ("codes"). Where
// one value, the zero, is frequent, only the others are stored, with relative indices of 4, 5 or 8
// bits (compress/Algorithms/SparseCodes.h) that are Huffman-coded with a code of their own. The
// zero is the value that occurs most often (of equal ones the smallest); its bits do not matter.
// The network's rate formula is that of compress/Algorithms/Palette.h; here is what is stored,
// exactly.
//
// A blob has N elements of w bytes and size mod w last bytes, V distinct values (at most 65536)
// that occur c_v times, and is cut into K = ceil(N / 65536) chunks, each decoded by itself. In
// sparse form, c_v counts entries (for the zero, padding zeros), and r_s entries have the relative
// index s. With Huffman lengths l_v and m_s, and descriptions D
// (`HuffmanCode::getDescriptionBits`), it takes
//
//   codes   8 (32 + w V + size mod w + 4 K) + D_l + sum c_v l_v                      bits
//   sparse  8 (32 + w V + size mod w + 8 K) + D_l + D_m + sum c_v l_v + sum r_s m_s  bits
//
// rounded up to bytes. All numbers are little endian:
//
//   offset  bytes  content
//        0      1  form: 1 codes, 2 sparse
//        1      1  w
//        2      1  bits of a relative index; 0 in form 1
//        3      1  zero
//        4      4  V
//        8      8  size of the decoded bytes
//       16      8  content hash of the decoded bytes (compress/Support/MappedFile.h)
//       24      4  which value of the table is the zero; 0 in form 1
//       28      4  zero
//       32    w V  values, ascending as unsigned numbers
//        .         the last size mod w bytes
//        .    4 K  form 1: bits of each chunk
//        .    8 K  form 2: number of entries and bits of each chunk, one after the other
//        .         bits (Huffman.h): both codes, then the chunks: symbols of values; in form 2, for
//                  each entry its relative index and then its value
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_BLOBCODEC_H
#define COMPRESS_ALGORITHMS_BLOBCODEC_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Algorithms/Huffman.h"
#include <memory>
#include <optional>

namespace mlir::compress {

/// How the elements of a blob are stored.
enum class BlobForm : uint8_t {
  /// The bytes themselves.
  Raw = 0,
  Codes = 1,
  Sparse = 2,
};

/// What a blob takes.
struct BlobEstimate {
  BlobForm form = BlobForm::Raw;
  /// Bytes of an element.
  unsigned width = 1;
  /// Of a relative index; 0 if there is none.
  unsigned indexBits = 0;
  /// Exact size in bytes; that of the blob in raw form.
  uint64_t bytes = 0;
  /// Distinct values (0 in raw form), elements that are the zero, and padding zeros.
  uint64_t values = 0, zeros = 0, paddings = 0;
};

/// Finds the smallest form of a blob of elements of `width` bytes (1, 2 or 4; 0: whichever is
/// smallest) without coding it. Of equal sizes: raw, then wide elements, then codes, then short
/// indices.
BlobEstimate estimateBlob(llvm::ArrayRef<char> bytes, unsigned width = 0);

/// Size in bytes that `encodeBlob` gives, or that of the blob if it gives nothing.
inline uint64_t estimateEncodedSize(llvm::ArrayRef<char> bytes, unsigned width = 0) {
  return estimateBlob(bytes, width).bytes;
}

/// Encodes a blob in the form that `estimateBlob` finds; nothing if that is raw.
std::optional<std::string> encodeBlob(llvm::ArrayRef<char> bytes, unsigned width = 0);

/// An encoded blob. Nothing in it is trusted: what is allocated is bounded by its size, and nothing
/// outside is read or written.
class BlobDecoder {
public:
  /// Checks everything but the chunks. `bytes` must live as long as this. The decoded size is below
  /// 65536 * size of `bytes`. Errors say what was expected and found.
  static llvm::Expected<BlobDecoder> create(llvm::ArrayRef<char> bytes);
  BlobDecoder(BlobDecoder &&);
  BlobDecoder &operator=(BlobDecoder &&);
  ~BlobDecoder();

  /// Size of the decoded bytes.
  uint64_t getSize() const;
  size_t getNumChunks() const;
  /// Decodes chunk `index` to its place in `out`, which has `getSize()` bytes. False if the chunk
  /// is damaged. Different chunks may be decoded at a time.
  bool decodeChunk(size_t index, llvm::MutableArrayRef<char> out) const;
  /// Writes the bytes after the last element and checks the hash of `out`, after all chunks.
  llvm::Error finish(llvm::MutableArrayRef<char> out) const;

private:
  struct Impl;
  explicit BlobDecoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// Decodes several blobs, all their chunks in parallel: `outputs[i]` has the size of `blobs[i]`.
/// An error starts with "blob <i>: ", i the first that is damaged.
llvm::Error decodeBlobs(llvm::ArrayRef<BlobDecoder> blobs,
                        llvm::ArrayRef<llvm::MutableArrayRef<char>> outputs,
                        ParallelFor parallelFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_BLOBCODEC_H
