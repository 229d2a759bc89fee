"""GraphiQL, served from this package: the page, and the bundle that web/graphiql builds into static/.

Only development serves it: `page` answers a browser's GET of the GraphQL endpoint, `assets` goes into the routes.
"""

from app.api.graphiql.assets import assets
from app.api.graphiql.page import Account, PageConfig, page
from app.api.graphiql.tabs import STARTER_TABS, Tab

__all__ = ["STARTER_TABS", "Account", "PageConfig", "Tab", "assets", "page"]
