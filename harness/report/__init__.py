"""What people and other tools are shown of a flow: the story of it, and the forms that are made of the story.

`story` decides what is told; `page` makes the HTML file of it. Nothing here asks an engine.
"""

from harness.report.story import VERSION, Story, Test, Trace, story_of, tell

__all__ = ["VERSION", "Story", "Test", "Trace", "story_of", "tell"]
