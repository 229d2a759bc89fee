// What relay-compiler made __generated__ and persisted_queries.json of. After a change, in this folder:
// echo {} > persisted_queries.json && npx relay-compiler@21.0.1
import { graphql } from "relay-runtime";

graphql`
  query operationsMeQuery {
    me {
      id
      name
    }
  }
`;

graphql`
  mutation operationsSendMutation($input: SendMessageInput!) {
    sendMessage(input: $input) {
      __typename
      ... on Message {
        id
        text
      }
    }
  }
`;

graphql`
  subscription operationsMessagesSubscription($conversationId: ID!, $after: String) {
    conversationEvents(conversationId: $conversationId, after: $after) {
      __typename
      cursor
      ... on MessageSent {
        message {
          id
          text
        }
      }
    }
  }
`;
