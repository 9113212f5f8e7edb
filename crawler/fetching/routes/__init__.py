"""The ways out: `route` bounds every exchange; `page_route` fetches pages with aiohttp, through `tor` where
the source says so, `json_route` fetches JSON with httpx.
"""
