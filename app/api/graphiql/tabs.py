"""What GraphiQL opens for somebody who has not used it yet."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tab:
    """A GraphiQL tab: an operation, and its variables as JSON text."""

    query: str
    variables: str = ""


ME = Tab("""\
# Sign in above: requests and
# subscriptions then carry your token.
# An "Authorization" under Headers
# replaces it.
#
# Ctrl-Enter runs the operation. The
# sidebar has the documentation, the
# history and an explorer.

query Me {
  me {
    id
    name
  }
  organization {
    id
    name
  }
}
""")

CONVERSATIONS = Tab("""\
# Your conversations. The next tabs
# want an id of these as a variable.

query Conversations {
  conversations(first: 10) {
    nodes {
      id
      title
      unreadCount
      lastMessage {
        text
        sender {
          name
        }
      }
      participants {
        user {
          id
          name
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
""")

CONVERSATION_EVENTS = Tab(
    """\
# Runs until you stop it or go to
# another tab of this page.
#
# To see a message arrive, open the
# page in a second browser tab, be
# somebody else there, and send one.

subscription ConversationEvents($conversationId: ID!) {
  conversationEvents(conversationId: $conversationId) {
    __typename
    cursor
    ... on MessageSent {
      message {
        id
        text
        sender {
          name
        }
      }
    }
    ... on TypingChanged {
      typing
      user {
        name
      }
    }
  }
}
""",
    '{\n  "conversationId": ""\n}',
)

SEND_MESSAGE = Tab(
    """\
# You choose clientMessageId: sent
# twice, it makes one message.

mutation SendMessage($input: SendMessageInput!) {
  sendMessage(input: $input) {
    __typename
    ... on Message {
      id
      sentAt
    }
    ... on UserError {
      code
      message
      path
    }
  }
}
""",
    '{\n  "input": {\n    "conversationId": "",\n    "text": "Hello",\n    "clientMessageId": "hello-1"\n  }\n}',
)

STARTER_TABS = (ME, CONVERSATIONS, CONVERSATION_EVENTS, SEND_MESSAGE)
