#include "async/cancel.hpp"

#include <gtest/gtest.h>

namespace sluice::async {
namespace {

TEST(CancelToken, a_default_made_one_never_cancels) { EXPECT_FALSE(CancelToken().is_cancelled()); }

TEST(CancelToken, a_parent_cancels_its_children_and_no_child_its_parent) {
  CancelSource parent;
  CancelSource child(parent.token());
  CancelSource grandchild(child.token());
  CancelSource sibling(parent.token());
  child.cancel();
  EXPECT_TRUE(child.token().is_cancelled());
  EXPECT_TRUE(grandchild.token().is_cancelled());
  EXPECT_FALSE(parent.token().is_cancelled());
  EXPECT_FALSE(sibling.token().is_cancelled());
  parent.cancel();
  EXPECT_TRUE(sibling.token().is_cancelled());
}

TEST(CancelToken, outlives_its_source) {
  CancelToken token;
  {
    CancelSource source;
    token = source.token();
    source.cancel();
  }
  EXPECT_TRUE(token.is_cancelled());
}

TEST(CancelToken, keeps_the_first_reason_and_hands_it_down) {
  CancelSource parent;
  CancelSource child(parent.token());
  parent.cancel({.code = base::Code::Unavailable, .what = "the agent is lost"});
  parent.cancel();
  EXPECT_EQ(child.token().reason().what, "the agent is lost");
}

TEST(CancelToken, a_child_of_what_was_cancelled_is_cancelled_from_the_start) {
  CancelSource parent;
  parent.cancel();
  EXPECT_TRUE(CancelSource(parent.token()).is_cancelled());
}

TEST(CancelToken, a_child_may_end_before_its_parent_cancels) {
  CancelSource parent;
  {
    const CancelSource child(parent.token());
  }
  parent.cancel();
}

TEST(OnCancel, is_called_once_and_never_after_its_end) {
  CancelSource source;
  int calls = 0;
  {
    const OnCancel gone(source.token(), [&calls] { calls += 100; });
  }
  const OnCancel kept(source.token(), [&calls] { ++calls; });
  source.cancel();
  source.cancel();
  EXPECT_EQ(calls, 1);
  const OnCancel late(source.token(), [&calls] { ++calls; });
  EXPECT_EQ(calls, 2) << "at once where the token was cancelled before";
}

}  // namespace
}  // namespace sluice::async
