"""What readers see: the build in schema `build`, and its publication to schema `marts`."""
