#pragma once

/// Lets the process die, as by a power cut, just before its call of this number, from 1, to a function that changes files.
/// A write that it dies in has written half of its bytes.
void gondola_kill_at(long number);
