#include "journal/block_codec.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "journal/histogram_codec.hpp"
#include "journal/wire.hpp"

namespace sluice::journal {

namespace {

constexpr std::uint8_t kCodecVersion = 1;
constexpr std::size_t kBlockHeaderBytes = 2;

// How many enumerators there are: what is read must be below.
template <class E>
constexpr std::uint64_t kEnumerators = 0;
template <>
constexpr std::uint64_t kEnumerators<model::RunStatus> = 6;
template <>
constexpr std::uint64_t kEnumerators<model::StageType> = 6;
template <>
constexpr std::uint64_t kEnumerators<model::Phase> = 3;
template <>
constexpr std::uint64_t kEnumerators<model::OpKind> = model::kOpKinds;
template <>
constexpr std::uint64_t kEnumerators<model::ErrorKind> = model::kErrorKinds;
template <>
constexpr std::uint64_t kEnumerators<model::NamesRecipe::Kind> = 6;
template <>
constexpr std::uint64_t kEnumerators<base::Code> = 12;

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Enum = std::is_enum_v<T>;

/// Writes fields. A number of 0, an empty text and an empty list are left out; enumerators and optionals that are set
/// are always written, because their defaults are not 0.
class FieldWriter {
 public:
  template <class T>
  using Ref = const T&;

  explicit FieldWriter(std::vector<std::byte>& out) : out_(out) {}

  template <Number T>
  void operator()(unsigned number, T value) {
    if (value != 0) put_number(number, value);
  }
  template <Enum T>
  void operator()(unsigned number, T value) {
    put_number(number, static_cast<std::uint64_t>(value));
  }
  void operator()(unsigned number, bool value) { (*this)(number, static_cast<std::uint64_t>(value)); }
  void operator()(unsigned number, double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    if (bits == 0) return;
    put_tag(number, WireType::Fixed64);
    for (unsigned shift = 0; shift < 64; shift += 8) out_.push_back(static_cast<std::byte>(bits >> shift));
  }
  void operator()(unsigned number, const std::string& text) {
    if (!text.empty()) put_text(number, text);
  }
  void operator()(unsigned number, base::WallTime time) { (*this)(number, time.ns); }

  template <class T>
  void operator()(unsigned number, const std::optional<T>& value) {
    if (!value) return;
    if constexpr (std::same_as<T, double>) {
      put_tag(number, WireType::Fixed64);
      const auto bits = std::bit_cast<std::uint64_t>(*value);
      for (unsigned shift = 0; shift < 64; shift += 8) out_.push_back(static_cast<std::byte>(bits >> shift));
    } else if constexpr (Number<T>) {
      put_number(number, *value);
    } else if constexpr (Enum<T>) {
      (*this)(number, *value);
    } else {
      put_struct(number, *value);
    }
  }
  void operator()(unsigned number, const std::vector<std::byte>& bytes) {
    if (!bytes.empty()) put_bytes(number, bytes);
  }
  template <class T>
  void operator()(unsigned number, const std::vector<T>& list) {
    for (std::size_t i = 0; i < std::min(list.size(), kListItemsMax); ++i) {
      if constexpr (std::same_as<T, std::string>) {
        put_text(number, list[i]);
      } else {
        put_struct(number, list[i]);
      }
    }
  }
  void operator()(unsigned number, const model::Histogram& histogram) {
    if (histogram.count() == 0) return;
    put_nested(number, [&] { encode_histogram(histogram, out_); });
  }
  template <class T>
    requires std::is_class_v<T>
  void operator()(unsigned number, const T& value) {
    put_struct(number, value);
  }

  void operator()(unsigned number, const model::OpStatsSet& set);
  void operator()(unsigned number, const std::array<std::unique_ptr<model::SizeClassStats>, model::kSizeClasses>& set);
  void operator()(unsigned number, const std::array<std::uint64_t, model::kErrorKinds>& counts);

 private:
  void put_tag(unsigned number, WireType type) { put_varint(out_, number * 4 + static_cast<unsigned>(type)); }
  template <Number T>
  void put_number(unsigned number, T value) {
    put_tag(number, WireType::Varint);
    if constexpr (std::signed_integral<T>) {
      put_varint(out_, zigzag(value));
    } else {
      put_varint(out_, value);
    }
  }
  void put_text(unsigned number, std::string_view text) {
    put_bytes(number, std::as_bytes(std::span(text.substr(0, kTextBytesMax))));
  }
  void put_bytes(unsigned number, std::span<const std::byte> bytes) {
    put_tag(number, WireType::Bytes);
    put_varint(out_, bytes.size());
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  /// Writes a body and then moves it to make room for its length: nothing here is deep, and no buffer is needed.
  template <class Body>
  void put_nested(unsigned number, Body body) {
    put_tag(number, WireType::Bytes);
    const std::size_t begin = out_.size();
    body();
    std::vector<std::byte> length;
    put_varint(length, out_.size() - begin);
    out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(begin), length.begin(), length.end());
  }
  template <class T>
  void put_struct(unsigned number, const T& value) {
    put_nested(number, [&] { describe(*this, value); });
  }

  std::vector<std::byte>& out_;
};

/// Reads the fields of one struct: describe() is asked for every field that is found, and the one with its number takes
/// the value.
class FieldReader {
 public:
  template <class T>
  using Ref = T&;

  FieldReader(std::span<const std::byte> bytes, WireProblem& problem) : in_(bytes, problem), problem_(problem) {}

  template <class T>
  void read(T& value) {
    while (!in_.at_end()) {
      const std::uint64_t tag = in_.varint();
      number_ = tag / 4;
      switch (tag % 4) {
        case static_cast<unsigned>(WireType::Varint): type_ = WireType::Varint, varint_ = in_.varint(); break;
        case static_cast<unsigned>(WireType::Fixed64): type_ = WireType::Fixed64, varint_ = in_.fixed64(); break;
        case static_cast<unsigned>(WireType::Bytes): type_ = WireType::Bytes, bytes_ = in_.bytes(); break;
        default: problem_.set("a field has an unknown type");
      }
      if (!problem_.found()) describe(*this, value);
    }
  }

  template <Number T>
  void operator()(unsigned number, T& value) {
    if (!take(number, WireType::Varint)) return;
    if constexpr (std::signed_integral<T>) {
      value = unzigzag(varint_);
    } else if (varint_ <= std::numeric_limits<T>::max()) {
      value = static_cast<T>(varint_);
    } else {
      problem_.set("a number is out of range");
    }
  }
  template <Enum T>
  void operator()(unsigned number, T& value) {
    static_assert(kEnumerators<T> > 0);
    if (!take(number, WireType::Varint)) return;
    if (varint_ >= kEnumerators<T>) return problem_.set("an enumerator is unknown");
    value = static_cast<T>(varint_);
  }
  void operator()(unsigned number, bool& value) {
    if (take(number, WireType::Varint)) value = varint_ != 0;
  }
  void operator()(unsigned number, double& value) {
    if (take(number, WireType::Fixed64)) value = std::bit_cast<double>(varint_);
  }
  void operator()(unsigned number, std::string& text) {
    if (!take(number, WireType::Bytes)) return;
    if (bytes_.size() > kTextBytesMax) return problem_.set("a text is too long");
    text.assign(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
  }
  void operator()(unsigned number, base::WallTime& time) { (*this)(number, time.ns); }

  template <class T>
  void operator()(unsigned number, std::optional<T>& value) {
    if (number_ == number) (*this)(number, value.emplace());
  }
  void operator()(unsigned number, std::vector<std::byte>& bytes) {
    if (!take(number, WireType::Bytes)) return;
    if (bytes_.size() > kChunkBytesMax) return problem_.set("a chunk of records is too long");
    bytes.assign(bytes_.begin(), bytes_.end());
  }
  template <class T>
  void operator()(unsigned number, std::vector<T>& list) {
    if (number_ != number) return;
    if (list.size() == kListItemsMax) return problem_.set("a list is too long");
    (*this)(number, list.emplace_back());
  }
  void operator()(unsigned number, model::Histogram& histogram) {
    if (!take(number, WireType::Bytes)) return;
    if (histogram.count() != 0) return problem_.set("a histogram stands there twice");
    decode_histogram(bytes_, histogram, problem_);
  }
  template <class T>
    requires std::is_class_v<T>
  void operator()(unsigned number, T& value) {
    if (take(number, WireType::Bytes)) FieldReader(bytes_, problem_).read(value);
  }

  void operator()(unsigned number, model::OpStatsSet& set);
  void operator()(unsigned number, std::array<std::unique_ptr<model::SizeClassStats>, model::kSizeClasses>& set);
  void operator()(unsigned number, std::array<std::uint64_t, model::kErrorKinds>& counts);

 private:
  bool take(unsigned number, WireType type) {
    if (number_ != number) return false;
    if (type_ == type) return true;
    problem_.set("a field has another type than its number says");
    return false;
  }
  /// The element of a set that the current bytes are about: they begin with its index, as a bare varint.
  std::optional<std::size_t> take_index(unsigned number, std::size_t size, std::span<const std::byte>& rest);

  WireReader in_;
  WireProblem& problem_;
  std::uint64_t number_ = 0;
  WireType type_ = WireType::Varint;
  std::uint64_t varint_ = 0;
  std::span<const std::byte> bytes_;
};

// The fields of every struct, for both directions. C is FieldWriter or FieldReader; Ref makes the struct const or not.
// Numbers are for ever: add new ones at the end, never reuse one.

template <class C>
void describe(C& c, typename C::template Ref<base::Error> v) {
  c(1, v.code), c(2, v.what), c(3, v.where), c(4, v.likely), c(5, v.try_next), c(6, v.chain);
}

template <class C>
void describe(C& c, typename C::template Ref<model::HostFacts> v) {
  c(1, v.hostname), c(2, v.kernel), c(3, v.cpu_model), c(4, v.cores), c(5, v.memory_bytes);
}

template <class C>
void describe(C& c, typename C::template Ref<model::RunStarted> v) {
  c(1, v.run_id), c(2, v.plan_name), c(3, v.target), c(4, v.version), c(5, v.at), c(6, v.seed), c(7, v.host);
  c(8, v.keeps_operations);
}

template <class C>
void describe(C& c, typename C::template Ref<model::WorkerInfo> v) {
  c(1, v.kind), c(2, v.threads), c(3, v.in_flight), c(4, v.why);
}

template <class C>
void describe(C& c, typename C::template Ref<model::StageStarted> v) {
  c(1, v.stage), c(2, v.name), c(3, v.type), c(4, v.at_ns), c(5, v.workers);
}

template <class C>
void describe(C& c, typename C::template Ref<model::SlowOp> v) {
  c(1, v.kind), c(2, v.service_ns), c(3, v.at_ns), c(4, v.bytes), c(5, v.key);
}

template <class C>
void describe(C& c, typename C::template Ref<model::ErrorSample> v) {
  c(1, v.op), c(2, v.kind), c(3, v.at_ns), c(4, v.key), c(5, v.detail);
}

template <class C>
void describe(C& c, typename C::template Ref<model::SizeClassStats> v) {
  c(1, v.count), c(2, v.bytes), c(3, v.service), c(4, v.response);
}

template <class C>
void describe(C& c, typename C::template Ref<model::OpStats> v) {
  c(1, v.count), c(2, v.bytes), c(3, v.window_count), c(4, v.window_bytes), c(5, v.retries), c(6, v.starved);
  c(7, v.unstarted), c(8, v.errors), c(9, v.classes), c(10, v.unstarted_wait);
}

template <class C>
void describe(C& c, typename C::template Ref<model::Interval> v) {
  c(1, v.stage), c(2, v.party_seq), c(3, v.phase), c(4, v.from_ns), c(5, v.to_ns), c(6, v.ops), c(7, v.slowest);
  c(8, v.samples), c(9, v.done), c(10, v.total), c(11, v.cpu_user_s), c(12, v.cpu_system_s), c(13, v.iowait_share);
  c(14, v.max_stall_ns);
}

template <class C>
void describe(C& c, typename C::template Ref<model::StageEnded> v) {
  c(1, v.stage), c(2, v.status), c(3, v.at_ns), c(4, v.window_ns), c(5, v.error), c(6, v.note), c(7, v.output);
}

template <class C>
void describe(C& c, typename C::template Ref<model::Note> v) {
  c(1, v.at_ns), c(2, v.text);
}

template <class C>
void describe(C& c, typename C::template Ref<model::ThresholdVerdict> v) {
  c(1, v.text), c(2, v.met), c(3, v.measured), c(4, v.measured_text);
}

template <class C>
void describe(C& c, typename C::template Ref<model::ClientCost> v) {
  c(1, v.cpu_user_s), c(2, v.cpu_system_s), c(3, v.max_rss_bytes), c(4, v.max_stall_ns), c(5, v.max_preempted_ns);
  c(6, v.hold_p999_ns), c(7, v.page_cache_share), c(8, v.abandoned_calls), c(9, v.permit_wait_ns);
  c(10, v.queue_high_water), c(11, v.limited_by);
}

template <class C>
void describe(C& c, typename C::template Ref<model::RunEnded> v) {
  c(1, v.status), c(2, v.at), c(3, v.at_ns), c(4, v.client), c(5, v.thresholds), c(6, v.error);
}

template <class C>
void describe(C& c, typename C::template Ref<model::NotableOp> v) {
  c(1, v.index), c(2, v.kind), c(3, v.error), c(4, v.end_ns), c(5, v.latency_ns), c(6, v.bytes), c(7, v.key);
  c(8, v.detail);
}

template <class C>
void describe(C& c, typename C::template Ref<model::OperationRecords> v) {
  c(1, v.stage), c(2, v.records), c(3, v.lost), c(4, v.notable_left_out), c(5, v.chunk), c(6, v.notable);
}

template <class C>
void describe(C& c, typename C::template Ref<model::TreeShape> v) {
  c(1, v.width), c(2, v.depth), c(3, v.files_per_dir), c(4, v.all_levels), c(5, v.dir_mask);
}

template <class C>
void describe(C& c, typename C::template Ref<model::NamesRecipe> v) {
  c(1, v.kind), c(2, v.prefix), c(3, v.stem), c(4, v.shards), c(5, v.count), c(6, v.tree);
}

template <class C>
void describe(C& c, typename C::template Ref<model::TargetNames> v) {
  c(1, v.number), c(2, v.base_uri), c(3, v.recipe);
}

// Sets are lists of their elements that have something in them; each element is its index and its fields.

void FieldWriter::operator()(unsigned number, const model::OpStatsSet& set) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set[i].empty()) continue;
    put_nested(number, [&] { put_varint(out_, i), describe(*this, set[i]); });
  }
}

void FieldWriter::operator()(unsigned number,
                             const std::array<std::unique_ptr<model::SizeClassStats>, model::kSizeClasses>& set) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set[i] == nullptr || set[i]->count == 0) continue;
    put_nested(number, [&] { put_varint(out_, i), describe(*this, *set[i]); });
  }
}

void FieldWriter::operator()(unsigned number, const std::array<std::uint64_t, model::kErrorKinds>& counts) {
  if (std::ranges::all_of(counts, [](std::uint64_t n) { return n == 0; })) return;
  put_nested(number, [&] {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] != 0) put_varint(out_, i), put_varint(out_, counts[i]);
    }
  });
}

std::optional<std::size_t> FieldReader::take_index(unsigned number, std::size_t size,
                                                   std::span<const std::byte>& rest) {
  if (!take(number, WireType::Bytes)) return {};
  std::size_t index_bytes = 0;
  while (index_bytes < bytes_.size() && (bytes_[index_bytes] & std::byte{0x80}) != std::byte{0}) ++index_bytes;
  rest = bytes_.subspan(std::min(index_bytes + 1, bytes_.size()));
  const std::uint64_t index = WireReader(bytes_, problem_).varint();
  if (problem_.found()) return {};
  if (index >= size) {
    problem_.set("an index is out of range");
    return {};
  }
  return static_cast<std::size_t>(index);
}

void FieldReader::operator()(unsigned number, model::OpStatsSet& set) {
  std::span<const std::byte> fields;
  if (const auto index = take_index(number, set.size(), fields)) FieldReader(fields, problem_).read(set[*index]);
}

void FieldReader::operator()(unsigned number,
                             std::array<std::unique_ptr<model::SizeClassStats>, model::kSizeClasses>& set) {
  std::span<const std::byte> fields;
  const auto index = take_index(number, set.size(), fields);
  if (!index) return;
  if (set[*index] == nullptr) set[*index] = std::make_unique<model::SizeClassStats>();
  FieldReader(fields, problem_).read(*set[*index]);
}

void FieldReader::operator()(unsigned number, std::array<std::uint64_t, model::kErrorKinds>& counts) {
  if (!take(number, WireType::Bytes)) return;
  WireReader in(bytes_, problem_);
  while (!in.at_end()) {
    // A kind that a newer version has counts as the last one, Other: errors are never lost.
    const auto kind = std::min<std::uint64_t>(in.varint(), counts.size() - 1);
    counts[static_cast<std::size_t>(kind)] += in.varint();
  }
}

// The kinds of block by their numbers in the format.

template <class T>
model::Block read_block(std::span<const std::byte> fields, WireProblem& problem) {
  T value;
  FieldReader(fields, problem).read(value);
  return value;
}

template <class T>
constexpr std::uint8_t kKind = 0;
template <>
constexpr std::uint8_t kKind<model::RunStarted> = 1;
template <>
constexpr std::uint8_t kKind<model::StageStarted> = 2;
template <>
constexpr std::uint8_t kKind<model::Interval> = 3;
template <>
constexpr std::uint8_t kKind<model::StageEnded> = 4;
template <>
constexpr std::uint8_t kKind<model::Note> = 5;
template <>
constexpr std::uint8_t kKind<model::RunEnded> = 6;
template <>
constexpr std::uint8_t kKind<model::OperationRecords> = 7;
template <>
constexpr std::uint8_t kKind<model::TargetNames> = 8;

base::Error corrupt(std::string_view problem) {
  return {.code = base::Code::Corrupt,
          .what = fmt::format("a block of the log cannot be understood: {}", problem),
          .likely = {"the bytes were changed on their way although their check matches", "a mistake in the program"},
          .try_next = {"please report it, with the log"}};
}

base::Error newer(std::string_view what, unsigned number) {
  return {.code = base::Code::Unsupported,
          .what = fmt::format("a block of the log has {} {}, which this program does not know", what, number),
          .likely = {"it was written by a newer sluice"},
          .try_next = {"read it with the version that wrote it"}};
}

}  // namespace

void encode_block(const model::Block& block, std::vector<std::byte>& out) {
  std::visit(
      [&out]<class T>(const T& value) {
        static_assert(kKind<T> != 0);
        out.push_back(std::byte{kCodecVersion});
        out.push_back(std::byte{kKind<T>});
        FieldWriter writer(out);
        describe(writer, value);
      },
      block);
}

std::vector<std::byte> encode_block(const model::Block& block) {
  std::vector<std::byte> out;
  encode_block(block, out);
  return out;
}

base::Result<model::Block> decode_block(std::span<const std::byte> bytes) {
  if (bytes.size() < kBlockHeaderBytes) return base::fail(corrupt("it is shorter than its header"));
  const auto version = std::to_integer<unsigned>(bytes[0]);
  const auto kind = std::to_integer<unsigned>(bytes[1]);
  if (version != kCodecVersion) return base::fail(newer("version", version));
  const auto fields = bytes.subspan(kBlockHeaderBytes);
  WireProblem problem;
  model::Block block;
  switch (kind) {
    case kKind<model::RunStarted>: block = read_block<model::RunStarted>(fields, problem); break;
    case kKind<model::StageStarted>: block = read_block<model::StageStarted>(fields, problem); break;
    case kKind<model::Interval>: block = read_block<model::Interval>(fields, problem); break;
    case kKind<model::StageEnded>: block = read_block<model::StageEnded>(fields, problem); break;
    case kKind<model::Note>: block = read_block<model::Note>(fields, problem); break;
    case kKind<model::RunEnded>: block = read_block<model::RunEnded>(fields, problem); break;
    case kKind<model::OperationRecords>: block = read_block<model::OperationRecords>(fields, problem); break;
    case kKind<model::TargetNames>: block = read_block<model::TargetNames>(fields, problem); break;
    default: return base::fail(newer("kind", kind));
  }
  if (problem.found()) return base::fail(corrupt(problem.text));
  return block;
}

}  // namespace sluice::journal
