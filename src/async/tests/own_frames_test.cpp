#include "async/own_frames.hpp"

#include <gtest/gtest.h>

namespace sluice::async {
namespace {

TEST(OwnFrames, a_name_is_without_arguments_of_functions_and_templates) {
  EXPECT_EQ(own_name("sluice::load::LoopWorker::refill(unsigned long) +0x1b"), "load::LoopWorker::refill");
  EXPECT_EQ(own_name("sluice::load::Pool<sluice::load::Slot, std::pair<int, int> >::take(int (*)(int)) const +0x1"),
            "load::Pool::take");
  EXPECT_EQ(own_name("sluice::base::Result<int> sluice::storage::open_all<int>(std::vector<int>&&) +0x20"),
            "storage::open_all");
  EXPECT_EQ(own_name("sluice::load::(anonymous namespace)::list_all(std::string_view) [clone .resume] +0x20"),
            "load::list_all");
}

TEST(OwnFrames, an_operator_is_no_bracket) {
  EXPECT_EQ(own_name("sluice::base::operator<<(std::ostream&, sluice::base::Error const&) +0x1"), "base::operator<<");
  EXPECT_EQ(own_name("sluice::load::By::operator<(sluice::load::By const&) const & +0x1"), "load::By::operator<");
  EXPECT_EQ(own_name("sluice::load::Draw::operator()(int) const +0x1"), "load::Draw::operator()");
}

TEST(OwnFrames, a_lambda_is_named_by_its_function) {
  EXPECT_EQ(own_name("sluice::app::Session::follow(int)::{lambda(std::string)#1}::operator()(std::string) const +0x5"),
            "app::Session::follow");
  EXPECT_EQ(own_name("sluice::app::Session::follow(int)::$_0::operator()() const +0x5"), "app::Session::follow");
}

TEST(OwnFrames, what_others_wrote_has_no_name) {
  for (const char* frame : {"pread64 +0x13", "sluice+0x1234", "libc.so.6+0x89144", "0x7fffdeadbeef", "", " +0x1",
                            "std::function<void (sluice::load::Slot&)>::operator()(sluice::load::Slot&) const +0x4",
                            "void boost::asio::detail::executor_function::complete<sluice::async::Turn>(int) +0x1"}) {
    EXPECT_EQ(own_name(frame), "") << frame;
  }
  EXPECT_EQ(own_name("sluice::load::f((((<<< +0x1"), "load::f");  // cut off somewhere: still a name
}

TEST(OwnFrames, the_innermost_are_kept_and_a_recursion_is_there_once) {
  const std::vector<std::string> stack = {"memcpy +0x1",
                                          "sluice::a::walk(int) +0x1",
                                          "sluice::a::walk(int) +0x9",
                                          "boost::asio::x(sluice::a::B) +0x1",
                                          "sluice::a::run() +0x1",
                                          "sluice::b::main() +0x1"};
  EXPECT_EQ(own_frames(stack, 2), (std::vector<std::string>{"a::walk", "a::run"}));
  EXPECT_EQ(own_frames(stack, 9), (std::vector<std::string>{"a::walk", "a::run", "b::main"}));
}

}  // namespace
}  // namespace sluice::async
