#pragma once

namespace sluice::journal {

class ColumnReader;
class ColumnWriter;
class ForeignNames;
class KindOrder;
class LastOfWorker;
class NameList;
class NotablePicker;
class Packer;
class RecordEncoder;
struct ChunkHeader;
struct Notable;
struct RecordChunk;

}  // namespace sluice::journal
