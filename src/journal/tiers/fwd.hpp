#pragma once

namespace sluice::journal {

class Backend;
class BlockCache;
class BlockFollower;
class BlockStream;
class Completion;
class Journal;
class JournalCore;
class JournalReader;
class JournalThreads;
class JournalWriter;
class Ledger;
class MemoryBackend;
struct BlockHeader;
struct Commit;
struct Fence;
struct Filter;
struct JournalConfig;
struct JournalStats;
struct NotableRecord;
struct PartyHead;
struct PartyKey;
struct StoredBlock;

}  // namespace sluice::journal
