"""Speed and memory as ratios, contenders interleaved in one run; never asserted in the tests."""
