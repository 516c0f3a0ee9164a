#pragma once

namespace sluice::async {

class Backoff;
class BlockingPool;
class CancelSource;
class CancelToken;
class Deadline;
class Executor;
class FrameQueue;
class FrameWriter;
class HeldUnits;
class LoopThread;
class Notice;
class OnCancel;
class Permit;
class PermitProbe;
class Permits;
class Runtime;
class SpillDevice;
class SpillFile;
class StallMeter;
class StallWatch;
class StopFlag;
class TaskScope;
class TurnExecutor;
class WaitPoint;
class Waker;
class YieldBudget;

}  // namespace sluice::async
