#pragma once

namespace sluice::app {

class OpLogOutput;
class OpLogSink;
class OpLogText;
class TargetBook;
struct LookedThrough;
struct OpLogInput;
struct OpLogReport;
struct OpLogRow;
struct RecordTarget;

}  // namespace sluice::app
