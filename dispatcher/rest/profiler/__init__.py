"""The profiler: where the threads of a whole process spend their time, as a page to look at."""
