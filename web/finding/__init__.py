"""What the page of a finding says, made from its rows: verdict, next steps, timeline, differences."""
