#include "journal/block_codec.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "journal/tests/sample_blocks.hpp"
#include "journal/wire.hpp"

namespace sluice::journal {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

template <class T>
T round_trip(T value) {
  auto back = decode_block(encode_block(std::move(value)));
  EXPECT_TRUE(back.has_value()) << (back ? "" : back.error().what);
  return std::get<T>(std::move(back).value());
}

void expect_same(const model::Histogram& a, const model::Histogram& b) {
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.min(), b.min());
  EXPECT_EQ(a.max(), b.max());
  EXPECT_EQ(a.sum(), b.sum());
  std::vector<std::pair<std::uint64_t, std::uint64_t>> buckets_a, buckets_b;
  a.for_each_bucket([&](auto low, auto, auto times) { buckets_a.emplace_back(low, times); });
  b.for_each_bucket([&](auto low, auto, auto times) { buckets_b.emplace_back(low, times); });
  EXPECT_EQ(buckets_a, buckets_b);
}

void expect_same(const model::OpStats& a, const model::OpStats& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.bytes, b.bytes);
  EXPECT_EQ(a.window_count, b.window_count);
  EXPECT_EQ(a.window_bytes, b.window_bytes);
  EXPECT_EQ(a.retries, b.retries);
  EXPECT_EQ(a.starved, b.starved);
  EXPECT_EQ(a.unstarted, b.unstarted);
  EXPECT_EQ(a.errors, b.errors);
  expect_same(a.unstarted_wait, b.unstarted_wait);
  for (std::size_t i = 0; i < model::kSizeClasses; ++i) {
    ASSERT_EQ(a.classes[i] != nullptr, b.classes[i] != nullptr);
    if (a.classes[i] == nullptr) continue;
    EXPECT_EQ(a.classes[i]->count, b.classes[i]->count);
    EXPECT_EQ(a.classes[i]->bytes, b.classes[i]->bytes);
    expect_same(a.classes[i]->service, b.classes[i]->service);
    expect_same(a.classes[i]->response, b.classes[i]->response);
  }
}

TEST(BlockCodec, every_kind_of_block_encodes_the_same_after_a_round_trip) {
  // Equal bytes after decode and encode, and fields compared by the tests below: no field is lost on either side.
  for (const model::Block& block : sample_blocks()) {
    const Bytes bytes = encode_block(block);
    const auto back = decode_block(bytes);
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(back->index(), block.index());
    EXPECT_EQ(encode_block(*back), bytes) << "kind " << block.index();
  }
}

TEST(BlockCodec, a_run_start_keeps_every_field) {
  const auto back = std::get<model::RunStarted>(*decode_block(encode_block(sample_blocks()[0])));
  EXPECT_EQ(back.run_id, "r1");
  EXPECT_EQ(back.plan_name, "quick");
  EXPECT_EQ(back.target, "file:///data/");
  EXPECT_EQ(back.version, "0.1.0");
  EXPECT_EQ(back.at.ns, 1'700'000'000'123'456'789);
  EXPECT_EQ(back.seed, UINT64_MAX);
  EXPECT_EQ(back.host.hostname, "host");
  EXPECT_EQ(back.host.kernel, "6.1");
  EXPECT_EQ(back.host.cpu_model, "cpu");
  EXPECT_EQ(back.host.cores, 2u);
  EXPECT_EQ(back.host.memory_bytes, 1u << 31);
}

TEST(BlockCodec, a_stage_keeps_its_workers_type_and_negative_times) {
  const auto back = std::get<model::StageStarted>(*decode_block(encode_block(sample_blocks()[1])));
  EXPECT_EQ(back.stage, 1u);
  EXPECT_EQ(back.name, "measure");
  EXPECT_EQ(back.type, model::StageType::Hybrid);
  EXPECT_EQ(back.at_ns, -5);
  ASSERT_EQ(back.workers.size(), 2u);
  EXPECT_EQ(back.workers[0].kind, "ring");
  EXPECT_EQ(back.workers[0].threads, 2u);
  EXPECT_EQ(back.workers[0].in_flight, 64u);
  EXPECT_EQ(back.workers[0].why, "probe");
}

TEST(BlockCodec, an_interval_keeps_counts_histograms_and_samples_exactly) {
  const model::Interval interval = busy_interval(3);
  const model::Interval back = round_trip(busy_interval(3));
  EXPECT_EQ(back.stage, interval.stage);
  EXPECT_EQ(back.party_seq, interval.party_seq);
  EXPECT_EQ(back.phase, interval.phase);
  EXPECT_EQ(back.from_ns, interval.from_ns);
  EXPECT_EQ(back.to_ns, interval.to_ns);
  EXPECT_EQ(back.done, interval.done);
  EXPECT_EQ(back.total, interval.total);
  EXPECT_EQ(back.cpu_user_s, interval.cpu_user_s);
  EXPECT_EQ(back.cpu_system_s, interval.cpu_system_s);
  EXPECT_EQ(back.iowait_share, interval.iowait_share);
  EXPECT_EQ(back.max_stall_ns, interval.max_stall_ns);
  for (std::size_t i = 0; i < model::kOpKinds; ++i) expect_same(back.ops[i], interval.ops[i]);
  ASSERT_EQ(back.slowest.size(), 1u);
  EXPECT_EQ(back.slowest[0].kind, model::OpKind::Put);
  EXPECT_EQ(back.slowest[0].service_ns, 9'999'999);
  EXPECT_EQ(back.slowest[0].at_ns, 1'500'000'000);
  EXPECT_EQ(back.slowest[0].bytes, 4096u);
  EXPECT_EQ(back.slowest[0].key, "a/b/file_00000001.dat");
  ASSERT_EQ(back.samples.size(), 1u);
  EXPECT_EQ(back.samples[0].op, model::OpKind::Get);
  EXPECT_EQ(back.samples[0].kind, model::ErrorKind::Stale);
  EXPECT_EQ(back.samples[0].at_ns, 77);
  EXPECT_EQ(back.samples[0].key, "k");
  EXPECT_EQ(back.samples[0].detail, "ESTALE (116): Stale file handle");
}

TEST(BlockCodec, a_stage_end_keeps_its_error_in_all_parts) {
  const auto back = std::get<model::StageEnded>(*decode_block(encode_block(sample_blocks()[3])));
  EXPECT_EQ(back.stage, 1u);
  EXPECT_EQ(back.status, model::RunStatus::Failed);
  EXPECT_EQ(back.at_ns, 60'000'000'000);
  EXPECT_EQ(back.window_ns, 59'000'000'000);
  EXPECT_EQ(back.note, "a note");
  EXPECT_EQ(back.output, "line 1\nline 2\n");
  ASSERT_TRUE(back.error);
  EXPECT_EQ(back.error->code, base::Code::ResourceExhausted);
  EXPECT_EQ(back.error->what, "the disk is full");
  EXPECT_EQ(back.error->where, "/data");
  EXPECT_EQ(back.error->likely, (std::vector<std::string>{"too much data", "too few inodes"}));
  EXPECT_EQ(back.error->try_next, (std::vector<std::string>{"df -h"}));
  EXPECT_EQ(back.error->chain, (std::vector<std::string>{"ENOSPC"}));
}

TEST(BlockCodec, a_run_end_keeps_cost_and_thresholds) {
  const auto back = std::get<model::RunEnded>(*decode_block(encode_block(sample_blocks()[5])));
  EXPECT_EQ(back.status, model::RunStatus::Running);
  EXPECT_EQ(back.at.ns, 1);
  EXPECT_EQ(back.at_ns, 2);
  EXPECT_EQ(back.client.cpu_user_s, 1.5);
  EXPECT_EQ(back.client.cpu_system_s, 2.5);
  EXPECT_EQ(back.client.max_rss_bytes, 3u);
  EXPECT_EQ(back.client.max_stall_ns, 4);
  EXPECT_EQ(back.client.max_preempted_ns, 5);
  EXPECT_EQ(back.client.hold_p999_ns, 6);
  EXPECT_EQ(back.client.page_cache_share, 0.0);
  EXPECT_EQ(back.client.abandoned_calls, 7u);
  EXPECT_EQ(back.client.permit_wait_ns, 8);
  EXPECT_EQ(back.client.queue_high_water, 9u);
  EXPECT_EQ(back.client.limited_by, "storage");
  ASSERT_EQ(back.thresholds.size(), 2u);
  EXPECT_EQ(back.thresholds[0].text, "get.p99 < 20ms");
  EXPECT_TRUE(back.thresholds[0].met);
  EXPECT_EQ(back.thresholds[0].measured, 18.2e6);
  EXPECT_EQ(back.thresholds[0].measured_text, "18.2 ms");
  EXPECT_FALSE(back.thresholds[1].met);
  ASSERT_TRUE(back.error);
}

TEST(BlockCodec, absent_optionals_stay_absent_and_defaults_stay_defaults) {
  const model::Interval interval = round_trip(model::Interval{});
  EXPECT_EQ(interval.phase, model::Phase::Measured);
  EXPECT_FALSE(interval.total);
  for (const model::OpStats& op : interval.ops) EXPECT_TRUE(op.empty());
  EXPECT_EQ(round_trip(model::Interval{.total = 0}).total, 0u);
  EXPECT_FALSE(round_trip(model::StageEnded{}).error);
  EXPECT_FALSE(round_trip(model::RunEnded{}).client.page_cache_share);
}

TEST(BlockCodec, the_bytes_of_a_block_never_change) {
  EXPECT_EQ(encode_block(model::Note{-2, "hi"}), bytes_of({1, 5, 4, 3, 10, 2, 'h', 'i'}));
  model::Interval interval{.stage = 3, .party_seq = 300};
  model::OpStats& get = interval.ops[0];
  get.count = 2, get.bytes = 9;
  get.errors[model::kErrorKinds - 1] = 4;
  get.in_class(1).count = 2;
  get.in_class(1).service.record(1500, 2);  // page 1, bucket (1500 >> 0) - 1024 = 476: number 1500
  EXPECT_EQ(encode_block(std::move(interval)),
            bytes_of({1,    3,  4,    3,  8,    0xAC, 2,    12, 1,  // header, stage, party_seq, phase
                      26,   25,                                     // ops
                      0,    4,  2,    8,  9,                        // get: count, bytes
                      34,   2,  14,   4,                            // errors: other 4
                      38,   14, 1,    4,  2,    14,   9,            // class 1: count, service
                      0xDC, 11, 0xDC, 11, 0xB8, 23,   0xDD, 11, 2}))
      << "a block written by an older version would no longer be read";
}

TEST(BlockCodec, the_bytes_of_operation_records_and_their_targets_never_change) {
  EXPECT_EQ(encode_block(model::TargetNames{.number = 1, .base_uri = "a/", .recipe = {.prefix = "p", .count = 9}}),
            bytes_of({1,   8,   4,   1,   10,  2,   'a', '/', 14,  26,  // number, base_uri, recipe
                      4,   3,   10,  1,   'p', 20,  9,                  // kind, prefix, count
                      26,  17,  4,   1,   8,   1,   22,  11,            // tree: width, depth, dir_mask
                      'd', '%', 'd', '_', 'w', '%', 'd', '.', 'd', 'i', 'r'}));
  EXPECT_EQ(encode_block(model::OperationRecords{.stage = 2,
                                                 .records = 300,
                                                 .lost = 1,
                                                 .notable_left_out = 4,
                                                 .chunk = {std::byte{7}, std::byte{8}},
                                                 .notable = {{.index = 5, .latency_ns = 3, .key = "k"}}}),
            bytes_of({1,  7, 4, 2, 8, 0xAC, 2,  12, 1,  16, 4,       // stage, records, lost, notable_left_out
                      22, 2, 7, 8,                                   // chunk
                      26, 9, 4, 5, 8, 0,    20, 6,  30, 1,  'k'}));  // notable: index, kind, latency, key
}

TEST(BlockCodec, a_quiet_interval_is_small) {
  model::Interval interval;
  model::SizeClassStats& in_class = interval.ops[0].in_class(1);
  interval.ops[0].count = in_class.count = 100;
  for (int i = 0; i < 100; ++i) in_class.service.record(80'000 + i * 97);
  EXPECT_LT(encode_block(std::move(interval)).size(), 350u);
}

TEST(BlockCodec, unknown_fields_are_passed_over) {
  Bytes bytes = encode_block(model::Note{7, "known"});
  put_varint(bytes, 100 * 4 + 0), put_varint(bytes, 12345);
  put_varint(bytes, 101 * 4 + 2), put_varint(bytes, 3), bytes.insert(bytes.end(), 3, std::byte{0xFF});
  put_varint(bytes, 102 * 4 + 1), bytes.insert(bytes.end(), 8, std::byte{0x11});
  const auto block = decode_block(bytes);
  ASSERT_TRUE(block) << block.error().what;
  EXPECT_EQ(std::get<model::Note>(*block).text, "known");
}

TEST(BlockCodec, an_error_kind_of_a_newer_version_counts_as_other) {
  model::Interval interval;
  interval.ops[0].count = 1;
  interval.ops[0].errors[model::kErrorKinds - 1] = 5;
  Bytes bytes = encode_block(std::move(interval));
  const auto at = std::ranges::find(bytes, std::byte{model::kErrorKinds - 1});
  ASSERT_NE(at, bytes.end());
  *at = std::byte{99};
  const auto block = decode_block(bytes);
  ASSERT_TRUE(block) << block.error().what;
  EXPECT_EQ(std::get<model::Interval>(*block).ops[0].errors[model::kErrorKinds - 1], 5u);
}

TEST(BlockCodec, a_newer_version_or_kind_is_unsupported_not_corrupt) {
  EXPECT_EQ(decode_block(bytes_of({2, 5})).error().code, base::Code::Unsupported);
  EXPECT_EQ(decode_block(bytes_of({1, 77})).error().code, base::Code::Unsupported);
  EXPECT_EQ(decode_block(bytes_of({1})).error().code, base::Code::Corrupt);
  EXPECT_EQ(decode_block({}).error().code, base::Code::Corrupt);
}

TEST(BlockCodec, texts_and_lists_beyond_their_limits_are_cut_and_stay_readable) {
  model::StageEnded ended{.output = std::string(kTextBytesMax + 5, 'x')};
  EXPECT_EQ(round_trip(ended).output.size(), kTextBytesMax);
  model::Interval interval;
  interval.slowest.resize(kListItemsMax + 5);
  EXPECT_EQ(round_trip(std::move(interval)).slowest.size(), kListItemsMax);
}

TEST(BlockCodec, an_enumerator_that_does_not_exist_is_corrupt) {
  Bytes bytes = encode_block(model::StageEnded{.status = model::RunStatus::ThresholdMissed});
  ASSERT_EQ(bytes, bytes_of({1, 4, 8, 5}));
  bytes[3] = std::byte{6};
  EXPECT_EQ(decode_block(bytes).error().code, base::Code::Corrupt);
}

TEST(BlockCodec, histograms_that_contradict_themselves_are_corrupt) {
  // A response histogram in class 0 of get, from raw varints.
  const auto decode = [](const Bytes& histogram) {
    Bytes bytes = bytes_of({1, 3});
    const auto nested = [](unsigned number, Bytes body, int index) {
      Bytes out;
      put_varint(out, number * 4 + 2);
      put_varint(out, body.size() + (index < 0 ? 0 : 1));
      if (index >= 0) out.push_back(static_cast<std::byte>(index));
      out.insert(out.end(), body.begin(), body.end());
      return out;
    };
    const Bytes ops = nested(6, nested(9, nested(3, histogram, -1), 0), 0);
    bytes.insert(bytes.end(), ops.begin(), ops.end());
    return decode_block(bytes);
  };
  EXPECT_TRUE(decode(bytes_of({5, 6, 11, 6, 1, 1, 1})).has_value());         // 5 and 6, once each
  EXPECT_FALSE(decode(bytes_of({5, 6, 11, 6, 1, 0, 1})).has_value());        // a bucket twice
  EXPECT_FALSE(decode(bytes_of({5, 6, 11, 6, 0, 1, 1})).has_value());        // a count of 0
  EXPECT_FALSE(decode(bytes_of({4, 6, 11, 6, 1, 1, 1})).has_value());        // minimum elsewhere
  EXPECT_FALSE(decode(bytes_of({5, 7, 11, 6, 1, 1, 1})).has_value());        // maximum elsewhere
  EXPECT_FALSE(decode(bytes_of({5, 6, 11})).has_value());                    // no bucket
  EXPECT_FALSE(decode(bytes_of({5, 6, 11, 6, 1, 1})).has_value());           // cut off
  EXPECT_FALSE(decode(bytes_of({5, 6, 11, 0xFF, 0xFF, 3, 1})).has_value());  // beyond the last bucket
  Bytes overflow = bytes_of({5, 6, 11, 6, 1, 1});
  put_varint(overflow, UINT64_MAX);
  EXPECT_FALSE(decode(overflow).has_value());
}

TEST(BlockCodec, every_prefix_of_a_block_is_refused_or_read_without_harm) {
  for (const model::Block& block : sample_blocks()) {
    const Bytes bytes = encode_block(block);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      static_cast<void>(decode_block(std::span(bytes).first(length)));
    }
  }
}

TEST(BlockCodec, mutated_bytes_never_do_more_than_fail) {
  base::Random random(20'261'121);
  const auto samples = sample_blocks();
  std::vector<Bytes> seeds;
  for (const model::Block& block : samples) seeds.push_back(encode_block(block));
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = seeds[random.below(seeds.size())];
    const std::uint64_t mutations = 1 + random.below(4);
    for (std::uint64_t i = 0; i < mutations && !bytes.empty(); ++i) {
      const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(random.below(bytes.size()));
      switch (random.below(5)) {
        case 0: *at ^= static_cast<std::byte>(1U << random.below(8)); break;
        case 1: *at = static_cast<std::byte>(random.next()); break;
        case 2:
          bytes.erase(at,
                      at + static_cast<std::ptrdiff_t>(random.below(static_cast<std::uint64_t>(bytes.end() - at)) + 1));
          break;
        case 3: bytes.insert(at, 1 + random.below(9), std::byte{0xFF}); break;
        default: bytes.insert(bytes.end(), at, bytes.end()); break;
      }
    }
    const auto block = decode_block(bytes);
    if (!block) continue;
    ++accepted;
    // What was accepted is a block like any other: it survives another round trip.
    const Bytes again = encode_block(*block);
    const auto twice = decode_block(again);
    ASSERT_TRUE(twice) << twice.error().what;
    ASSERT_EQ(encode_block(*twice), again);
  }
  EXPECT_GT(accepted, 100);
}

TEST(BlockCodec, random_bytes_never_do_more_than_fail) {
  base::Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = bytes_of({1, static_cast<int>(1 + random.below(6))});
    const std::uint64_t length = random.below(64);
    for (std::uint64_t i = 0; i < length; ++i) bytes.push_back(static_cast<std::byte>(random.next()));
    static_cast<void>(decode_block(bytes));
  }
}

}  // namespace
}  // namespace sluice::journal
