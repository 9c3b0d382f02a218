"""README's pictures of the console: a scripted session of the demo, drawn as SVG."""
