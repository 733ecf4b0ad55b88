"""Objects that are kept between runs in files; nothing in this package needs it."""
