package appliance

// Version is the program's own; build.mjs reads it from here for the clients.
const Version = "0.2.0"
