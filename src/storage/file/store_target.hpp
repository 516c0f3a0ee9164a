#pragma once

#include <memory>

#include "storage/file/file_target.hpp"
#include "storage/store.hpp"

namespace sluice::storage {

/// What a store takes from its target when it is opened: plain values for the hot path.
struct StoreTarget {
  // shared because an abandoned worker's store outlives its backend
  std::shared_ptr<FileTarget> owner;
  int base = -1;        ///< O_PATH; a store's own, so that many threads do not count references to the same one
  Descriptor own_base;  ///< behind `base`, where it could be opened
  const char* empty_name = ".";
  bool single = false;      ///< one object, whose name is ""
  std::uint32_t align = 0;  ///< O_DIRECT in multiples of it; 0: through the page cache
  int block_flags = 0;      ///< how files are opened for read and write
  model::PageCacheMode page_cache = model::PageCacheMode::None;
  async::CancelToken cancel;  ///< of listings
};

/// How many files a store keeps open at the most, whatever the limit of the process.
inline constexpr std::uint32_t kOpenFilesMax = 1024;

/// Errors: the target's; Unsupported where O_DIRECT is refused; the guard's where blocks are to be written.
base::Result<StoreTarget> take_target(std::shared_ptr<FileTarget> target,  // shared because of StoreTarget::owner
                                      const StoreOptions& options);

/// POSIX_FADV_... for whole objects or for blocks; 0 (NORMAL) where nothing is to be said.
int advice_for(model::PageCacheMode mode, bool blocks, std::uint64_t bytes);

}  // namespace sluice::storage
