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
class OnCancel;
class Permit;
class PermitProbe;
class Permits;
class StallMeter;
class StallWatch;
class TaskScope;
class WaitPoint;
class Waker;
class YieldBudget;

}  // namespace sluice::async
