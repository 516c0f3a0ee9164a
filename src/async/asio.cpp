// Boost.Asio is compiled once, here (BOOST_ASIO_SEPARATE_COMPILATION): a coroutine file costs half as much then.
#include <boost/asio/impl/src.hpp>
