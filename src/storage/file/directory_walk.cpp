#include "storage/file/directory_walk.hpp"

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "async/yield_budget.hpp"
#include "storage/file/directory_reader.hpp"
#include "storage/file/retry.hpp"

namespace sluice::storage {

namespace {

/// About a thousand entries a call, as the C library reads: larger calls are no faster, and cannot be left half-way.
constexpr std::size_t kReadBytes = std::size_t{32} << 10;
constexpr std::size_t kBatchNames = 1000;
/// Between two looks at the cancel token, at which the progress is told too.
constexpr async::YieldBudget::Limits kLookEvery{.operations = 1000, .time = base::Nanos{50'000'000}};
/// What an entry counts of that whose kind has to be asked for: a system call, whose time is then looked at.
constexpr std::uint32_t kAskedCounts = 32;

/// Directories still to be read: names end to end in one piece of memory, the last one first; 4 bytes + name each.
class PendingDirectories {
 public:
  void push(std::string_view name) {
    text_.append(name);
    lengths_.push_back(static_cast<std::uint32_t>(name.size()));
  }
  bool pop(std::string& name) {
    if (lengths_.empty()) return false;
    name.assign(text_, text_.size() - lengths_.back());
    text_.resize(text_.size() - lengths_.back());
    lengths_.pop_back();
    return true;
  }

 private:
  std::string text_;
  std::vector<std::uint32_t> lengths_;
};

/// Names on their way to the sink.
class Batch {
 public:
  Batch(const ListSink& sink, model::Progress& progress) : sink_(sink), progress_(progress) {
    names_.reserve(kBatchNames);
    text_ = std::make_unique<char[]>(kTextBytes);
  }

  /// Where the next name may be written: kNameBytesMax bytes and one for a '/'.
  char* room() { return text_.get() + used_; }
  /// Takes the name that was written there. False when the sink wants no more.
  bool take(std::size_t length) {
    names_.emplace_back(room(), length);
    used_ += length;
    return !full() || hand_over();
  }
  /// An entry was looked at, wanted or not.
  void count() { ++seen_; }
  void report() { progress_.add(std::exchange(seen_, 0)); }
  bool hand_over() {
    report();
    const bool more = names_.empty() || sink_(names_);
    names_.clear();
    used_ = 0;
    return more;
  }

 private:
  static constexpr std::size_t kTextBytes = std::size_t{128} << 10;
  bool full() const { return names_.size() == kBatchNames || used_ + model::kNameBytesMax + 1 > kTextBytes; }

  const ListSink& sink_;
  model::Progress& progress_;
  std::vector<std::string_view> names_;
  std::unique_ptr<char[]> text_;
  std::size_t used_ = 0;
  std::uint64_t seen_ = 0;
};

enum class EntryKind { File, Directory, Other };

class Walk {
 public:
  Walk(FileTarget& target, int base, const ListFilter& filter, const ListSink& sink, model::Progress& progress,
       const async::CancelToken& cancel)
      : target_(target), base_(base), filter_(filter), cancel_(cancel), batch_(sink, progress) {}

  base::Result<void> run() {
    std::string directory = filter_.prefix;
    look_.renew(base::now());
    do {
      SLUICE_CHECK(read_directory(directory));
      SLUICE_CHECK(check_cancelled());
    } while (!ended_ && pending_.pop(directory));
    if (!ended_) batch_.hand_over();
    return {};
  }

 private:
  base::Result<void> read_directory(const std::string& directory);
  /// False when the listing is to end.
  bool take(const std::string& directory, int descriptor, const DirectoryEntry& entry);
  static EntryKind kind_of(int descriptor, const DirectoryEntry& entry);
  static bool is_kind_told(const DirectoryEntry& entry) { return entry.type != DT_LNK && entry.type != DT_UNKNOWN; }
  /// After each entry: tells the progress and looks at the token when it is time.
  base::Result<void> look_up(std::uint32_t counts) {
    if (!look_.spent(counts)) [[likely]]
      return {};
    batch_.report();
    look_.renew(base::now());
    return check_cancelled();
  }
  base::Result<void> check_cancelled() const {
    if (!cancel_.is_cancelled()) return {};
    return base::fail(base::Code::Cancelled, "listing was cancelled", target_.uri());
  }
  base::Result<void> too_long(const std::string& directory) const {
    return base::fail(
        {.code = base::Code::InvalidArgument,
         .what = "a name below the target is longer than " + std::to_string(model::kNameBytesMax) + " bytes",
         .where = target_.where(directory),
         .likely = {"directories are nested very deeply"},
         .try_next = {"choose a target further down, so that names relative to it are shorter"}});
  }

  FileTarget& target_;
  const int base_;
  const ListFilter& filter_;
  const async::CancelToken& cancel_;
  Batch batch_;
  async::YieldBudget look_{kLookEvery};
  PendingDirectories pending_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kReadBytes);
  bool ended_ = false;     ///< the sink wants no more
  bool too_long_ = false;  ///< a name does not fit
};

base::Result<void> Walk::read_directory(const std::string& directory) {
  const char* path = directory.empty() ? "." : directory.c_str();
  const bool is_first = directory == filter_.prefix;
  const int follow = is_first ? 0 : O_NOFOLLOW;
  const Descriptor opened(
      retry_on_signal([&] { return openat(base_, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow); }));
  if (!opened) {
    if (!is_first && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return {};  // it has just gone
    return base::fail(base::from_errno(errno, "cannot read a directory of the target", target_.where(directory)));
  }
  DirectoryReader reader(opened.get(), buffer_);
  while (reader.read_more()) {
    while (const DirectoryEntry* entry = reader.next()) {
      if (!take(directory, opened.get(), *entry)) {
        if (too_long_) return too_long(directory);
        ended_ = true;
        return {};
      }
      SLUICE_CHECK(look_up(is_kind_told(*entry) ? 1 : kAskedCounts));
    }
  }
  if (reader.error() != 0 && !(reader.error() == ENOENT && !is_first)) {
    return base::fail(
        base::from_errno(reader.error(), "cannot read a directory of the target", target_.where(directory)));
  }
  return {};
}

bool Walk::take(const std::string& directory, int descriptor, const DirectoryEntry& entry) {
  batch_.count();
  if (entry.is_marker()) return true;
  const EntryKind kind = entry.type == DT_REG ? EntryKind::File : kind_of(descriptor, entry);
  if (kind == EntryKind::Other) return true;

  const std::string_view name = entry.name();
  std::size_t length = directory.size() + name.size();
  if (length >= model::kNameBytesMax) return too_long_ = true, false;
  char* text = batch_.room();
  directory.copy(text, directory.size());
  name.copy(text + directory.size(), name.size());
  if (kind == EntryKind::Directory) {
    text[length++] = '/';
    const std::string_view full(text, length);
    if (!filter_.may_enter || filter_.may_enter(full)) pending_.push(full);
    if (!filter_.directories) return true;
  }
  if (filter_.matches && !filter_.matches({text, length})) return true;
  return batch_.take(length);
}

EntryKind Walk::kind_of(int descriptor, const DirectoryEntry& entry) {
  if (entry.type == DT_DIR) return EntryKind::Directory;
  if (is_kind_told(entry)) return EntryKind::Other;
  struct stat facts{};
  bool is_link = entry.type == DT_LNK;
  if (!is_link) {
    if (fstatat(descriptor, entry.name_text, &facts, AT_SYMLINK_NOFOLLOW) != 0) return EntryKind::Other;
    if (S_ISDIR(facts.st_mode)) return EntryKind::Directory;
    is_link = S_ISLNK(facts.st_mode);
  }
  if (is_link && fstatat(descriptor, entry.name_text, &facts, 0) != 0) return EntryKind::Other;
  return S_ISREG(facts.st_mode) ? EntryKind::File : EntryKind::Other;
}

}  // namespace

base::Result<void> walk(FileTarget& target, const ListFilter& filter, const ListSink& sink, model::Progress& progress,
                        const async::CancelToken& cancel) {
  SLUICE_TRY(const FileTarget::Base base, target.open_base());
  if (base.is_single()) {
    if (!filter.prefix.empty())
      return base::fail(base::from_errno(ENOTDIR, "cannot list", target.where(filter.prefix)));
    progress.add(1);
    const std::string_view itself;
    if (!filter.matches || filter.matches(itself)) sink({&itself, 1});
    return {};
  }
  return Walk(target, base.descriptor, filter, sink, progress, cancel).run();
}

}  // namespace sluice::storage
