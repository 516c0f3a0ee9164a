#include "storage/file/device_guard.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "storage/file/descriptor.hpp"
#include "storage/file/retry.hpp"

namespace sluice::storage {

namespace {

struct Signature {
  std::size_t offset;
  std::string_view magic;
  const char* meaning;
};

using std::string_view_literals::operator""sv;

/// Source: the formats' own headers, as collected in util-linux's libblkid (superblocks/ and partitions/).
constexpr Signature kSignatures[] = {
    {0x438, "\x53\xEF"sv, "an ext2, ext3 or ext4 file system"},
    {0, "XFSB"sv, "an xfs file system"},
    {0x10040, "_BHRfS_M"sv, "a btrfs file system"},
    {0x200, "LABELONE"sv, "an LVM physical volume"},
    {0, "LABELONE"sv, "an LVM physical volume"},
    {0x400, "LABELONE"sv, "an LVM physical volume"},
    {0x600, "LABELONE"sv, "an LVM physical volume"},
    {0, "LUKS\xBA\xBE"sv, "a LUKS encrypted volume"},
    {4086, "SWAPSPACE2"sv, "swap space"},
    {4086, "SWAP-SPACE"sv, "swap space"},
    {0x200, "EFI PART"sv, "a GPT partition table"},
    {0x1000, "EFI PART"sv, "a GPT partition table"},
    {0x1018, "\xC6\x85\x73\xF6\x4E\x1A\x45\xCA"sv, "a bcache device"},
    {0x1000, "\xFC\x4E\x2B\xA9"sv, "a member of a Linux RAID (mdraid 1.2)"},
    {0, "\xFC\x4E\x2B\xA9"sv, "a member of a Linux RAID (mdraid 1.1)"},
    {0x400, "\x10\x20\xF5\xF2"sv, "an f2fs file system"},
    {3, "NTFS    "sv, "an NTFS file system"},
    {3, "EXFAT   "sv, "an exFAT file system"},
    {54, "FAT1"sv, "a FAT file system"},
    {82, "FAT32"sv, "a FAT file system"},
    {0, "hsqs"sv, "a squashfs image"},
    {0x8001, "CD001"sv, "an ISO 9660 image"},
    {0, "ReIsEr"sv, "a ReiserFS file system"},
    {0x10034, "ReIsEr"sv, "a ReiserFS file system"},
    {0, "BlueStor"sv, "a Ceph BlueStore device"},
    {24, "ORCLDISK"sv, "an Oracle ASM disk"},
};
constexpr std::size_t kHeadBytes = std::size_t{256} << 10;
constexpr std::string_view kRaidMagic = "\xFC\x4E\x2B\xA9"sv;

/// A zfs label holds a ring of uberblocks from 128 KiB on; they may begin at any 1 KiB of it.
constexpr std::size_t kZfsRingOffset = std::size_t{128} << 10;
constexpr std::array<std::string_view, 2> kZfsMagics = {"\x0C\xB1\xBA\x00\x00\x00\x00\x00"sv,
                                                        "\x00\x00\x00\x00\x00\xBA\xB1\x0C"sv};

bool has(const std::string& head, std::size_t offset, std::string_view magic) {
  return head.size() >= offset + magic.size() && std::string_view(head).substr(offset, magic.size()) == magic;
}

bool has_zfs_label(const std::string& head) {
  for (std::size_t offset = kZfsRingOffset; offset < head.size(); offset += 1024) {
    if (has(head, offset, kZfsMagics[0]) || has(head, offset, kZfsMagics[1])) return true;
  }
  return false;
}

/// The two bytes 55 AA alone turn up in random data; a table has an entry, and its boot flags are 00 or 80.
bool has_mbr(const std::string& head) {
  if (!has(head, 510, "\x55\xAA"sv)) return false;
  bool any = false;
  for (std::size_t entry = 446; entry < 510; entry += 16) {
    const auto flag = static_cast<unsigned char>(head[entry]);
    if (flag != 0x00 && flag != 0x80) return false;
    any |= head[entry + 4] != 0;
  }
  return any;
}

std::string read_at(int descriptor, off_t offset, std::size_t bytes) {
  std::string head(bytes, '\0');
  std::size_t filled = 0;
  while (filled < bytes) {
    const ssize_t got = retry_on_signal(
        [&] { return pread(descriptor, head.data() + filled, bytes - filled, offset + static_cast<off_t>(filled)); });
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  head.resize(filled);
  return head;
}

/// The formats 0.90 and 1.0 of mdraid keep their superblock near the end. Source: md(4), "RAID superblock formats".
bool has_raid_at_end(int descriptor) {
  const off_t size = lseek(descriptor, 0, SEEK_END);
  constexpr off_t kOldReserved = off_t{64} << 10;
  if (size < 2 * kOldReserved) return false;
  const off_t old_place = size / kOldReserved * kOldReserved - kOldReserved;
  const off_t new_place = (size - 8192) / 4096 * 4096;
  return read_at(descriptor, old_place, kRaidMagic.size()) == kRaidMagic ||
         read_at(descriptor, new_place, kRaidMagic.size()) == kRaidMagic;
}

std::string device_folder(dev_t device) {
  return "/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device));
}

std::optional<dev_t> parse_device(std::string_view text) {
  unsigned high = 0;
  unsigned low = 0;
  const auto first = std::from_chars(text.data(), text.data() + text.size(), high);
  if (first.ec != std::errc{} || first.ptr == text.data() + text.size() || *first.ptr != ':') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, text.data() + text.size(), low);
  if (second.ec != std::errc{}) return std::nullopt;
  return makedev(high, low);
}

/// The device and its partitions, as sysfs knows them.
std::vector<dev_t> device_and_partitions(dev_t device) {
  std::vector<dev_t> found = {device};
  std::error_code ignored;
  std::filesystem::directory_iterator entry(device_folder(device), ignored);
  for (; !ignored && entry != std::filesystem::directory_iterator(); entry.increment(ignored)) {
    if (std::error_code none; !std::filesystem::exists(entry->path() / "partition", none)) continue;
    std::string text;
    std::ifstream number_file(entry->path() / "dev");
    std::getline(number_file, text);
    if (const auto number = parse_device(text)) found.push_back(*number);
  }
  return found;
}

bool has_holders(dev_t device) {
  std::error_code ignored;
  return !std::filesystem::is_empty(device_folder(device) + "/holders", ignored) && !ignored;
}

std::string read_text(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Is a line's device ("/dev/sda2", first word of a line of /proc/swaps, source of a mount) one of ours?
bool is_one_of(const std::string& path, const std::vector<dev_t>& devices) {
  struct stat facts{};
  return path.starts_with("/dev/") && stat(path.c_str(), &facts) == 0 && S_ISBLK(facts.st_mode) &&
         std::ranges::find(devices, facts.st_rdev) != devices.end();
}

bool is_swap(const std::vector<dev_t>& devices) {
  std::istringstream lines(read_text("/proc/swaps"));
  for (std::string line; std::getline(lines, line);) {
    if (is_one_of(line.substr(0, line.find_first_of(" \t")), devices)) return true;
  }
  return false;
}

std::string what_is_on(const std::string& path, bool is_device, dev_t device) {
  if (is_device) {
    const std::vector<dev_t> devices = device_and_partitions(device);
    if (auto mount = find_mount(read_text("/proc/self/mountinfo"), devices)) return "it is mounted on " + *mount;
    if (is_swap(devices)) return "it is used as swap space";
    if (std::ranges::any_of(devices, has_holders)) return "the device mapper or a RAID uses it";
    if (devices.size() > 1) return "it has " + std::to_string(devices.size() - 1) + " partition(s)";
  }
  const Descriptor file(retry_on_signal([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!file) return {};  // opening it for the run will tell why
  if (auto signature = find_signature(file.get())) return "it holds " + *signature;
  // The kernel gives a device to one exclusive owner: whoever has it would be overwritten.
  const Descriptor exclusive(is_device ? open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC) : -1);
  if (is_device && !exclusive && errno == EBUSY) return "somebody else uses it exclusively";
  return {};
}

}  // namespace

std::optional<std::string> find_signature(int descriptor) {
  const std::string head = read_at(descriptor, 0, kHeadBytes);
  for (const Signature& known : kSignatures) {
    if (has(head, known.offset, known.magic)) return known.meaning;
  }
  if (has_mbr(head)) return "an MBR partition table";
  if (has_zfs_label(head)) return "a member of a zfs pool";
  if (has_raid_at_end(descriptor)) return "a member of a Linux RAID (mdraid)";
  return std::nullopt;
}

std::optional<std::string> find_mount(std::string_view mountinfo, const std::vector<dev_t>& devices) {
  std::istringstream lines{std::string(mountinfo)};
  // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue (proc_pid_mountinfo(5))
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string id, parent, number, root, where, word;
    words >> id >> parent >> number >> root >> where;
    const auto device = parse_device(number);
    if (device && std::ranges::find(devices, *device) != devices.end()) return where;
    // btrfs shows a number of its own; the device stands after the dash.
    while (words >> word && word != "-") {
    }
    std::string source;
    words >> word >> source;
    if (is_one_of(source, devices)) return where;
  }
  return std::nullopt;
}

base::Result<void> check_nothing_is_lost(const std::string& path, bool is_device, dev_t device) {
  const std::string found = what_is_on(path, is_device, device);
  if (found.empty()) return {};
  return base::fail(
      {.code = base::Code::InvalidArgument,
       .what = "will not write to " + path + ": " + found,
       .where = path,
       .likely = {"the name is that of another device than the one meant",
                  "an earlier use of the device left its data behind"},
       .try_next = {"look at it: lsblk -f " + path, "if its content may be lost for good: --yes-overwrite-device"}});
}

}  // namespace sluice::storage
