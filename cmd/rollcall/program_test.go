package main

// Main is the program, for the scripts under testdata.
func Main() { main() }
