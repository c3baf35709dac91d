#pragma once
#include <sys/xattr.h>

// glibc's own module for Swift leaves this header out.
