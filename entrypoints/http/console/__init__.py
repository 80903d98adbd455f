"""Pages for people as files of HTML, style and script, which no step builds, and the routes that show them."""
